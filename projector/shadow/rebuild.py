"""The rebuild of a projection from its log.

A rebuild does most of its work beside the active projector, without the lease: it folds the log into a shadow, and
commits the shadow's keys as a projector commits a projection's. Then the rebuild takes the lease (the fences refuse
the active projector's next commit, and it stands by), folds the rest of the log, and swaps the shadow in by one
script. A rebuild that was broken off goes on where its shadow stands, or begins anew if the shadow no longer fits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain

from producer.connection.client import Client, using_client
from producer.log import Log
from producer.wal import DEFAULT_NAMESPACE
from projector.bounds import Bounds
from projector.checkpoint import Checkpoint
from projector.errors import Damaged, Superseded
from projector.keys import Keys
from projector.reading import scan
from projector.shadow.replay import Replay
from projector.worker.lease import ACQUIRE, RELEASE, Lease, acquire, release
from projector.worker.link import Link, Script
from projector.worker.loader import read_checkpoint
from projector.worker.projection_writer import COMMIT, ProjectionWriter
from projector.worker.verdict import judge

_SWAP = Script("swap")
_LEASE_MS = 15_000
"""Long enough for the rest of the log and the swap, and no longer than an operator waits after a crash."""
_DELETED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The new projection stands at `last_id` after `entries`, of which `lost` were no longer in the log. `resumed`:
    an earlier rebuild had been broken off, and this one went on from there."""

    last_id: str
    entries: int
    lost: int
    resumed: bool


def rebuild(
    url_or_client: str | Client | None = None,
    namespace: str = DEFAULT_NAMESPACE,
    *,
    changes: Mapping[str, int] | None = None,
    timeout: float = 60.0,
    progress: Callable[[int, int], None] | None = None,
) -> Rebuilt:
    """Make the projection of `namespace` anew; readers see the old projection until the new one is whole.

    `url_or_client` as for `Query`; where it is a URL, each reply may take `timeout` seconds. The new projection keeps
    the bounds of the old one, but for `changes` (by the names of `Bounds`). `progress` is called with the entries
    folded so far and their number. A rebuild that was broken off may be repeated, and goes on where it stood. Raises
    ServerUnavailable, ServerRefused, UnusableServer, Damaged for a key that is no log, and Superseded if another
    rebuild is at work.
    """
    live = Keys(namespace)
    with using_client(url_or_client, timeout=timeout) as client:
        link = Link(client, live.wal, (ACQUIRE, RELEASE, COMMIT, _SWAP))
        try:
            bounds = replace(_bounds_so_far(link, live), **(changes or {}))
            return _Rebuild(link, live, bounds, progress).run()
        finally:
            link.close()


def _bounds_so_far(link: Link, keys: Keys) -> Bounds:
    """The bounds of the projection that is there, whatever else is wrong with it; else the defaults."""
    if link.call("TYPE", keys.checkpoint) == b"hash":
        with suppress(ValueError):
            return Bounds.of_config(link.call("HGET", keys.checkpoint, "config") or b"")
    return Bounds()


class _Rebuild:
    def __init__(self, link: Link, live: Keys, bounds: Bounds, progress: Callable[[int, int], None] | None) -> None:
        self._link = link
        self._log = Log(link.call, live.namespace)
        self._live = live
        self._shadow = Keys(live.namespace, shadow=True)
        self._bounds = bounds
        self._progress = progress

    def run(self) -> Rebuilt:
        total, lost = self._log_facts()
        projection, resumed = self._shadow_projection(lost)
        replay = Replay(self._link, self._log, projection, lambda done: self._report(done, total))
        replay.to_the_end()
        lease = self._take_lease()
        checkpoint = projection.history.checkpoint
        try:
            replay.to_the_end()
            self._check_unchanged(lost)
            if lost and not projection.sent_id:  # nothing is left to commit, and the loss has to be on record
                counted = projection.history.checkpoint_fields()
                del counted["last_id"]
                self._link.call("HSET", self._shadow.checkpoint, *chain.from_iterable(counted.items()))
            self._swap(projection, lease)
        finally:
            release(self._link, self._live, lease)
        return Rebuilt(checkpoint.last_id, checkpoint.entries, lost, resumed)

    def _report(self, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(done, max(done, total))

    def _log_facts(self) -> tuple[int, int]:
        """(how many entries were ever added, how many of them are no longer there)."""
        kind = self._link.call("TYPE", self._live.wal)
        if kind not in (b"stream", b"none"):
            raise Damaged(
                f"{self._live.wal.decode()}: expected a stream, found a {kind.decode()}: give it another name with: "
                f"redis-cli RENAME '{self._live.wal.decode()}' …"
            )
        facts = self._log.facts()
        return (facts.length + facts.gone, facts.gone) if facts else (0, 0)

    # -- the shadow --

    def _shadow_projection(self, lost: int) -> tuple[ProjectionWriter, bool]:
        """(the shadow's writer, whether it goes on with an earlier shadow); deletes a shadow that does not fit."""
        checkpoint = None
        if self._link.call("TYPE", self._shadow.checkpoint) == b"hash":
            with suppress(Damaged):  # then the shadow begins anew
                checkpoint = read_checkpoint(self._link, self._shadow)
        if checkpoint is not None and self._fits(checkpoint, lost):
            projection = ProjectionWriter(self._link, self._shadow, self._bounds)
            projection.stand_at(checkpoint)
            projection.load_tables()
            return projection, True
        self._delete_shadow()
        projection = ProjectionWriter(self._link, self._shadow, self._bounds)
        # Entries count as read, trimmed ones included: so the group's lag and the log's identity come out right.
        projection.history.checkpoint.entries = projection.history.checkpoint.trimmed = lost
        return projection, False

    def _fits(self, checkpoint: Checkpoint, lost: int) -> bool:
        return (
            checkpoint.is_made_with(self._bounds)
            and checkpoint.trimmed == lost
            and checkpoint.torn is None
            and bool(checkpoint.last_id)
            and self._log.entry(checkpoint.last_id) is not None
        )

    def _delete_shadow(self) -> None:
        keys = self._scan(self._shadow)
        for at in range(0, len(keys), _DELETED_AT_ONCE):
            self._link.call("DEL", *keys[at : at + _DELETED_AT_ONCE])

    def _scan(self, keys: Keys) -> list[bytes]:
        """Every key of a projection that is there."""
        return [key for key in scan(self._link.call, keys.pattern) if keys.owns(key)]

    # -- under the lease --

    def _take_lease(self) -> Lease:
        """Take the lease from the active projector, whose next commit is refused; it stands by until the swap."""
        holder = self._link.call("GET", self._live.lease)
        previous = Lease(holder.decode(), _LEASE_MS) if holder else None
        answer = acquire(self._link, self._live, ttl_ms=_LEASE_MS, previous=previous)
        if not isinstance(answer, Lease):
            raise Superseded(
                f"the lease went to {answer.holder} just now: start the rebuild again, it goes on from here"
            )
        return answer

    def _check_unchanged(self, lost: int) -> None:
        _, lost_now = self._log_facts()
        if lost_now != lost:
            raise Damaged(
                f"{self._live.wal.decode()}: {lost_now - lost} entries were deleted during the rebuild: "
                "start it again with: projector rebuild"
            )

    def _swap(self, projection: ProjectionWriter, lease: Lease) -> None:
        old, new = self._scan(self._live), self._scan(self._shadow)
        named = [self._live.prefixed(self._shadow.suffix_of(key)) for key in new]
        keys = [self._live.lease, self._shadow.checkpoint, *old, *new, *named]
        reply = self._link.call_script(_SWAP, keys, [lease.token, projection.sent_id, len(old)])
        judge(reply, self._shadow)
