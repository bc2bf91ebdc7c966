"""How many entries are read, folded and committed at once: many while there are many, fewer where they write much."""

from itertools import chain

FIRST = 100
"""Entries of a session's first batch at most, so that a takeover is soon seen."""
MOST = 4000
"""Entries of any batch at most. Entries share writes: with 4000 the server works a third less than with 1000."""
MOST_WRITTEN = 700 << 10
"""Bytes that the commands of one commit have, about. The server does nothing else for some milliseconds, and it need
not take more than a MiB between MULTI and EXEC (client-query-buffer-limit)."""
MOST_BYTES = 4 << 20
"""Size of a batch's entries at most, about."""

Batch = list[tuple[bytes, list[bytes]]]
"""Entries as the server returns them: each id with names and values alternately."""


class BatchSize:
    """`count` is how many entries to ask for next, in all sessions of a projector.

    A batch that goes over a bound makes the next one smaller. The size of a batch is known before the next is asked
    for; how much its commit writes is known one batch later.
    """

    def __init__(self) -> None:
        self.count = FIRST
        self._affordable = FIRST  # until a commit has shown what entries write

    def begin(self, *, in_vain: bool) -> None:
        """A session begins. `in_vain`: the session before committed nothing, perhaps because its batch took longer to
        fold than a lease lasts."""
        self.count = max(1, min(FIRST, self.count // 2 if in_vain else self.count))

    def arrived(self, batch: Batch, *, full: bool) -> None:
        """`batch` was read. `full`: as many entries came as were asked for, so more are waiting."""
        size = 1 + sum(map(len, chain.from_iterable([fields for _, fields in batch])))
        if full:
            self.count = min(2 * self.count, MOST, self._affordable)
        if full or size > MOST_BYTES:
            self.count = max(1, min(self.count, len(batch) * MOST_BYTES // size))

    def committed(self, batch: Batch, written: int) -> None:
        """The commands of the commit of `batch` have so many bytes."""
        # The part that every commit writes would make a small batch look dear.
        is_small = written < MOST_WRITTEN // 8
        self._affordable = MOST if is_small else max(1, len(batch) * MOST_WRITTEN // written)
