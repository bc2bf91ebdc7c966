"""Logs from elsewhere, brought into the write-ahead log: the Rust engine's `wal.jsonl`, and JSON Lines of operations.

`line.py` is what a line of either says, `log_file.py` the lines of a file, `importer.py` how they come into the log,
`present.py` what the log has of them already.
"""
