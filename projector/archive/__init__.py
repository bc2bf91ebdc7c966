"""The archive: the log's entries in files that no server holds, chained by their hashes.

    WHERE/<namespace>/segments/000000001.jsonl.zst     entries, a line each
    WHERE/<namespace>/manifests/000000001.json         what the segment holds, and the hash of the manifest before it
    WHERE/<namespace>/snapshots/000000001.snapshot     the history after that segment (`projector/snapshot/`)

Numbers begin at 1 and have no holes. A segment counts as archived when its manifest is there.
"""
