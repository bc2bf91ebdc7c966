"""Logs from elsewhere, brought into the write-ahead log: the Rust engine's `wal.jsonl`, and JSON Lines of operations.

`line.py` is what a line of either says, `log_file.py` the lines of a file, `line_index.py` their order where that is
not the file's; `importer.py` is how they come into the log, `claims.py` what they claim there as acknowledged, and
`present.py` what the log has of them already.
"""
