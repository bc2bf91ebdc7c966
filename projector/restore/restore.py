"""The restore: the projection folded from the archive, and the log's newest entries with their old ids.

Both are written under the shadow's keys, the log to a stream there, and one script gives all of them their names, if
these are still free. A restore that was broken off may be repeated: it appends to the stream where that one ended.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from producer.connection.client import Client, using_client
from producer.log import Stream
from producer.text.wording import counted
from projector.archive.archive import Archive
from projector.bounds import Bounds
from projector.commit.link import Link, Script
from projector.commit.verdict import judge
from projector.connection.reader import scan
from projector.entry_id import milliseconds_of, order_of
from projector.errors import ProjectorError, Superseded, text_of
from projector.keys import REBUILDING, Keys
from projector.retention import Retention
from projector.shadow.history_writer import write_history
from projector.snapshot import Snapshots
from projector.worker.lease import ACQUIRE, RELEASE, Lease, acquire, release
from projector.worker.loader import read_checkpoint

_SWAP = Script("swap")
_LEASE_MS = 15_000
_PAGE = 500
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Restored:
    """The projection stands at `last_id` after `entries`; the log holds the newest `kept` of them. `before`: another
    restore had done all."""

    last_id: str
    entries: int
    kept: int
    before: bool = False


def restore(
    archive: Archive,
    url_or_client: str | Client | None = None,
    *,
    bounds: Bounds,
    retention: Retention,
    timeout: float = 60.0,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Restored:
    """Make log and projection of the archive's namespace anew, on a server that has nothing of the namespace.

    The projection gets `bounds`. The log gets the newest entries that `retention` keeps, reckoned from the archive's
    end, and at least one. `progress` is called with the entries done and their number, folded and written ones
    together. Raises ProjectorError for an empty archive and for a server that is not empty, ServerUnavailable,
    ServerRefused, UnusableServer, ArchiveUnavailable, ArchiveDamaged, and Superseded if another one is at work.
    """
    live = Keys(archive.namespace)
    newest = max(archive.manifests(), key=lambda manifest: manifest.number, default=None)  # which checks the chain
    if newest is None:
        raise ProjectorError(f"the archive at {archive.place} is empty: name another, or another namespace")
    with (
        using_client(url_or_client, archive.namespace, timeout=timeout) as client,
        closing(Link(client, live.wal, (ACQUIRE, RELEASE, _SWAP))) as link,
    ):
        work = _Restore(link, archive, live)
        if found := work.in_the_way():
            stands = read_checkpoint(link, live) if live.checkpoint in found else None
            if stands and stands.last_id == newest.last_id:
                return Restored(stands.last_id, stands.entries, newest.total - stands.trimmed, before=True)
            raise _not_empty(archive.namespace, found)
        index = work.first_kept(retention)
        total = newest.total + newest.total - index
        history = Snapshots(archive.place).history(archive, bounds, progress=lambda done: progress(done, total))
        history.checkpoint.trimmed = index
        work.clear_shadow()
        write_history(link, work.shadow, history)
        work.write_log(index, history.checkpoint.entries, lambda kept: progress(newest.total + kept, total))
        work.swap(index)
        return Restored(newest.last_id, history.checkpoint.entries, newest.total - index)


class _Restore:
    def __init__(self, link: Link, archive: Archive, live: Keys) -> None:
        self.shadow = Keys(archive.namespace, shadow=True)
        self._link = link
        self._archive = archive
        self._live = live
        self._log = self.shadow.prefixed(b"wal")
        self._stream = Stream(link.call, self._log)

    def in_the_way(self) -> list[bytes]:
        """The namespace's keys, but for what a restore leaves that was broken off."""
        found = scan(self._link.call, self._live.pattern)
        return [
            key
            for key in found
            if not key.startswith(self.shadow.prefixed(b""))
            and not (key == self._live.lease and (self._link.call("GET", key) or b"").startswith(REBUILDING.encode()))
        ]

    def first_kept(self, retention: Retention) -> int:
        """How many of the archive's entries stand before the first that `retention` keeps."""
        archive, newest = self._archive, self._archive.newest()
        assert newest is not None
        earliest = f"{max(0, milliseconds_of(newest.last_id) - retention.age_ms)}-0"
        number = archive.number_of(earliest) or newest.number
        manifest = archive.manifest(number)
        orders = [order_of(entry_id.decode()) for entry_id, _ in archive.entries(number)]
        young = manifest.total - manifest.entries + bisect_left(orders, order_of(earliest))
        return max(0, min(young, newest.total - max(1, retention.entries)))

    def clear_shadow(self) -> None:
        for key in scan(self._link.call, self.shadow.pattern):
            if key != self._log:
                self._link.call("DEL", key)

    def write_log(self, index: int, ever: int, progress: Callable[[int], None]) -> None:
        """Write the archive's entries from `index` on to the shadow's stream, of which `ever` were ever added."""
        archive, link = self._archive, self._link
        cursor = before = self._id_before(index)
        if link.call("TYPE", self._log) == b"stream" and (written := self._stream.newest(1)):
            first, (last_id, fields) = self._stream.after("", 1), written[0]
            if [*map(tuple, first)] == archive.after(before, 1) and archive.entry(last_id.decode()) == fields:
                cursor = last_id.decode()
        if cursor == before:
            link.call("DEL", self._log)
        done = link.call("XLEN", self._log)
        while page := archive.after(cursor, _PAGE):
            link.call_all([("XADD", self._log, entry_id, *fields) for entry_id, fields in page])
            cursor, done = page[-1][0].decode(), done + len(page)
            progress(done)
        link.call("XSETID", self._log, archive.last_id, "ENTRIESADDED", ever)

    def _id_before(self, index: int) -> str:
        """The id of the entry before the one at `index`; empty for the first."""
        if index == 0:
            return ""
        archive = self._archive
        manifest = next(each for each in archive.manifests() if each.total >= index)
        entry_id, _ = archive.entries(manifest.number)[index - 1 - (manifest.total - manifest.entries)]
        return entry_id.decode()

    def swap(self, trimmed: int) -> None:
        """Give log and projection their names; the script refuses if anybody has these by now."""
        live, shadow, link = self._live, self.shadow, self._link
        holder = link.call("GET", live.lease)
        previous = Lease(holder.decode(), _LEASE_MS) if holder else None
        lease = acquire(link, live, ttl_ms=_LEASE_MS, previous=previous, rebuilding=True)
        if not isinstance(lease, Lease):
            raise Superseded(f"the lease went to {lease.holder} just now: start the restore again")
        try:
            new = scan(link.call, shadow.pattern)
            keys = [live.lease, shadow.checkpoint, *new, *(live.prefixed(shadow.suffix_of(key)) for key in new)]
            judge(link.call(*_SWAP.command(keys, [lease.token, self._archive.last_id, 0, trimmed])), shadow)
        finally:
            release(link, live, lease)


def _not_empty(namespace: str, found: list[bytes]) -> ProjectorError:
    names = ", ".join(text_of(key) for key in found[:_NAMED]) + (", …" if len(found) > _NAMED else "")
    keys = counted(len(found), "key", "keys")
    return ProjectorError(
        f"expected a server without keys of namespace {namespace}, found {keys} ({names}): "
        "name a new server, on which no producer or projector of the namespace is at work yet"
    )
