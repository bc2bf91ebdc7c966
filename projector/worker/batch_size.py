"""How many entries are read, folded and committed at once: many while there are many, fewer where they write much."""

from __future__ import annotations

__all__ = ["Batch", "BatchSize"]

FIRST = 100
"""Entries of a session's first batch, so that a takeover is soon seen."""
MOST = 4000
"""Entries of any. Many share writes: at 4000 the server works a third less for each than at 1000."""
MOST_WRITTEN = 20_000
"""Keys and values that one commit writes, about: some ten milliseconds in which the server does nothing else."""
MOST_BYTES = 4 << 20
"""Of the operations of a batch."""

Batch = list[tuple[bytes, list[bytes]]]
"""Entries as the server returns them: each id with names and values alternately."""


class BatchSize:
    """`count` is what to ask for next. What goes over a bound makes the next batch smaller, not this one."""

    def __init__(self) -> None:
        self.count = FIRST

    def adapt(self, batch: Batch, written: int, *, full: bool) -> None:
        """After `batch`, whose commit has `written` so many keys and values; `full`: all came that were asked for."""
        # Of an entry of our producer's shape, the operation is nearly all.
        size = 1 + sum([len(fields[1]) if len(fields) == 8 else sum(map(len, fields)) for _, fields in batch])
        room = min(MOST_BYTES / size, MOST_WRITTEN / written)
        if full or room < 1:
            self.count = max(1, min(MOST, 2 * self.count, int(len(batch) * room)))
