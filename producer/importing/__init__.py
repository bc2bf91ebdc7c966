"""Logs from elsewhere, brought into the write-ahead log: the Rust engine's `wal.jsonl`, and JSON Lines of operations.

compact.py   JSON as the Rust engine writes it   log_file.py  the lines of a file
line.py      what a line says                    numbers.py   which number each line has, and what it claims
importer.py  the way of the operations into the log   present.py  which of them the log has already
"""
