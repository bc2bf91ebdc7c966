"""What must hold after a run: the surviving log and the journals, checked without the code of the fold."""
