"""Logs from elsewhere, brought into the write-ahead log: the Rust engine's `wal.jsonl`, and JSON Lines of operations.

line.py        what a line says          log_file.py  the lines of a file
plain_copy.py  archives, pipes and stdin  present.py  which numbers the log has already
numbers.py     which numbers are wrong, and what each operation claims
importer.py    the operations' way into the log
"""
