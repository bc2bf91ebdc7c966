"""What proves that an archive is the log that was: its examination, and proofs of single entries."""
