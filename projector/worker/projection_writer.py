"""The writer of a projection: folds batches into a history in memory, and commits them to the projection's keys."""

import time
from collections.abc import Callable
from typing import Protocol

from projector.bounds import Bounds
from projector.checkpoint import Checkpoint
from projector.commit.carrier import Carrier
from projector.commit.link import Link
from projector.commit.plan import plan_of
from projector.fold.entry import read_entry
from projector.fold.fold import fold
from projector.fold.history import History
from projector.keys import Keys
from projector.worker.batch_size import Batch
from projector.worker.loader import Loader

_SLICE = 50


class Observer(Protocol):
    """Is told what a projector does, from its own thread. It is quick, and raises nothing."""

    def beat(self) -> None:
        """The loop has come round."""

    def is_active(self, active: bool) -> None:
        """Whether the projector has the lease."""

    def committed(self, seconds: float) -> None:
        """A commit has succeeded, so many seconds after it was sent."""


class ProjectionWriter:
    """Writes the projection under `keys`. After any error the writer is of no use, because its memory is ahead.

    Each commit checks that the lease has `token` and renews it for `ttl_ms`; a shadow has no lease, and no token.
    """

    def __init__(
        self,
        link: Link,
        keys: Keys,
        bounds: Bounds,
        *,
        token: str = "",
        ttl_ms: int = 0,
        observer: Observer | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.history = History(bounds)
        self.committed_entries = 0
        """Entries committed so far by this writer."""
        self.sent_id = ""
        """The entry at which the projection stands once all commits that are under way have succeeded."""
        self.written = 0
        """Bytes of the latest commit's commands."""
        self._link = link
        self._keys = keys
        self._observer = observer
        self._monotonic = monotonic
        self._carrier = Carrier(link, keys, token=token, ttl_ms=ttl_ms)
        self.loader = Loader(link, keys, self.history)

    def stand_at(self, checkpoint: Checkpoint) -> None:
        """Go on from `checkpoint`, as read from Redis."""
        self.history.stand_at(checkpoint)
        self.sent_id = checkpoint.last_id

    def advance(self, batch: Batch) -> None:
        """Fold `batch`, which is not empty, and send its commit; the verdict comes with the link's replies."""
        history = self.history
        # In slices, so that what is read dies young: a quarter less time than for a whole batch at once.
        length = _SLICE if self.loader.whole else len(batch)
        for at in range(0, len(batch), length):
            entries = [read_entry(entry_id, fields) for entry_id, fields in batch[at : at + length]]
            self.loader.prepare(entries)
            for entry in entries:
                fold(history, entry)
        self.loader.load_counted()
        plan = plan_of(history, self._keys)
        self.written = plan.size
        # First take in what was read ahead: while the server runs a commit it cannot send the rest of a reply that
        # was too large for the socket, and we would wait for both. Half as fast again with 5000 actions.
        self._link.settle()
        sent_at = self._monotonic()
        self._carrier.send(plan, self.sent_id, batch[0][0], lambda: self._committed(len(batch), sent_at))
        self.sent_id = history.checkpoint.last_id
        history.committed()

    def _committed(self, count: int, sent_at: float) -> None:
        self.committed_entries += count
        if self._observer is not None:
            self._observer.committed(self._monotonic() - sent_at)
