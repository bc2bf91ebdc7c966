"""The rebuild of a projection from its log, as docs/architecture.md describes it.

Most of the work needs no lease, because nobody else writes the shadow's keys. Once the rebuild has the lease, the
fences refuse the active projector's next commit, and it stands by. A rebuild that was broken off goes on where its
shadow stands, or begins anew if the shadow no longer fits.

Before the swap the rebuild reckons whether the shadow has every entry that ever was. If some are lost, it refuses,
unless somebody accepts that: then the loss becomes an entry of the log.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial

from producer.connection.client import Client, using_client
from producer.log import Log, LogFacts
from producer.text.wording import counted
from producer.wal import DEFAULT_NAMESPACE
from projector.archive.archive import Archive
from projector.bounds import Bounds
from projector.checkpoint import Checkpoint
from projector.commit.carrier import COMMIT_SCRIPTS
from projector.commit.link import Link, Script
from projector.commit.verdict import judge
from projector.connection.reader import Reader, scan
from projector.errors import Damaged, InvalidQuery, LossesFound, Superseded
from projector.keys import Keys
from projector.losses.examination import examine_losses
from projector.losses.reckoning import entries_ever
from projector.losses.records import without_entry
from projector.shadow.acceptance import ACCEPT_LOSS, Acceptance
from projector.shadow.archived import check_is_of, fold_archived
from projector.shadow.history_writer import write_history
from projector.worker.batch_size import Batch, BatchSize
from projector.worker.lease import ACQUIRE, RELEASE, Lease, acquire, release
from projector.worker.loader import read_checkpoint
from projector.worker.projection_writer import ProjectionWriter

_SWAP = Script("swap")
_LEASE_MS = 15_000
"""Long enough for the rest of the log and the swap, and no longer than an operator waits after a crash."""
_DELETED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The new projection stands at `last_id` after `entries`, of which `lost` are lost for ever; somebody accepted
    `accepted` of them in this rebuild. `resumed`: an earlier rebuild had been broken off, and this one went on from
    there."""

    last_id: str
    entries: int
    lost: int
    resumed: bool
    accepted: int = 0


def rebuild(
    url_or_client: str | Client | None = None,
    namespace: str = DEFAULT_NAMESPACE,
    *,
    changes: Mapping[str, int] | None = None,
    accept_loss: str | None = None,
    by: str | None = None,
    drop: Callable[[Iterable[bytes]], object] = lambda _lines: None,
    archive: str | None = None,
    timeout: float = 60.0,
    progress: Callable[[int, int], None] | None = None,
) -> Rebuilt:
    """Make the projection of `namespace` anew; readers see the old projection until the new one is whole.

    `url_or_client` as for `Query`; where it is a URL, each reply may take `timeout` seconds. The new projection keeps
    the bounds of the old one, but for `changes` (by the names of `Bounds`). `progress` is called with the entries
    folded so far and their number. A rebuild that was broken off may be repeated, and goes on where it stood.

    Where the log is archived at `archive`, the rebuild begins with the newest snapshot there, else with the first
    segment. It needs that if entries have left the log.

    If entries are lost that were in the log, raises LossesFound and leaves the projection as it is, unless
    `accept_loss` says why the loss is accepted, and `by` who accepts it: the log gets an entry `loss_accepted`, and
    the projection counts it as `lost` for ever. Before that `drop` gets the records that will be gone as well, each a
    line of JSON. Raises ServerUnavailable, ServerRefused, UnusableServer, Damaged for a key that is no log,
    Superseded if another rebuild is at work, ArchiveUnavailable, ArchiveDamaged, and InvalidQuery without a reason or
    without the archive of a log that has one.
    """
    live = Keys(namespace)
    found = Archive.at(archive, namespace) if archive else None
    acceptance = None if accept_loss is None else Acceptance(reason=accept_loss, by=by)
    with (
        using_client(url_or_client, namespace, timeout=timeout) as client,
        closing(Link(client, live.wal, (ACQUIRE, RELEASE, *COMMIT_SCRIPTS, ACCEPT_LOSS, _SWAP))) as link,
    ):
        bounds = replace(_bounds_so_far(link, live), **(changes or {}))
        progress = progress or (lambda _done, _total: None)
        return _Rebuild(link, Reader(client, live.wal), live, bounds, found, acceptance, drop, progress).run()


def _bounds_so_far(link: Link, keys: Keys) -> Bounds:
    """The bounds of the projection that is there, whatever else is wrong with it; else the defaults."""
    if link.call("TYPE", keys.checkpoint) == b"hash":
        with suppress(ValueError):
            return Bounds.of_config(link.call("HGET", keys.checkpoint, "config") or b"")
    return Bounds()


@dataclass
class _Rebuild:
    _link: Link
    _reader: Reader
    _live: Keys
    _bounds: Bounds
    _archive: Archive | None
    _acceptance: Acceptance | None
    _drop: Callable[[Iterable[bytes]], object]
    _progress: Callable[[int, int], None]

    def __post_init__(self) -> None:
        self._log = Log(self._link.call, self._live.namespace)
        self._shadow = Keys(self._live.namespace, shadow=True)

    def run(self) -> Rebuilt:
        projection, resumed = self._shadow_projection()
        self._fold_the_rest(projection)
        lease = self._take_lease()
        try:
            self._fold_the_rest(projection)
            accepted, trimmed = self._account(projection, lease)
            self._swap(projection, lease, trimmed)
        finally:
            release(self._link, self._live, lease)
        checkpoint = projection.history.checkpoint
        return Rebuilt(checkpoint.last_id, checkpoint.entries, checkpoint.lost, resumed, accepted)

    def _fold_the_rest(self, projection: ProjectionWriter) -> None:
        """Fold the log from where the shadow stands to the end, page by page; producers may append more meanwhile.

        The next page is read while this one is folded and committed.
        """
        total = self._log_facts().added or 0
        size = BatchSize()
        pages: deque[Batch] = deque()
        request = partial(self._log.request_after, self._link.request, pages.append)
        requested = size.count
        request(projection.sent_id, requested)
        while True:
            while not pages:
                self._link.receive()
            page = pages.popleft()
            full = len(page) == requested
            size.arrived(page, full=full)
            if full:
                requested = size.count
                request(page[-1][0].decode(), requested)
            if page:
                projection.advance(page)
                size.committed(page, projection.written)
                done = projection.history.checkpoint.entries
                self._progress(done, max(done, total))
            if not full:
                self._link.settle()
                return

    def _log_facts(self) -> LogFacts:
        kind = self._link.call("TYPE", self._live.wal)
        if kind not in (b"stream", b"none"):
            raise Damaged(
                f"{self._live.wal.decode()}: expected a stream, found a {kind.decode()}: give it another name with: "
                f"redis-cli RENAME '{self._live.wal.decode()}' …"
            )
        return self._log.facts() or LogFacts(0, 0, None, "0-0")

    def _deleted(self) -> int:
        """How many entries the log lacks that no projector has trimmed. What was trimmed from a log that another has
        replaced is more than the new one lacks, and says nothing of it."""
        while True:
            before, facts, after = self._checkpoint_of(self._live), self._log_facts(), self._checkpoint_of(self._live)
            trimmed = before.trimmed if before else 0
            if trimmed == (after.trimmed if after else 0):
                return facts.gone - trimmed if facts.gone >= trimmed else facts.gone

    def _checkpoint_of(self, keys: Keys) -> Checkpoint | None:
        """None for none, and for one that no projector wrote."""
        if self._link.call("TYPE", keys.checkpoint) == b"hash":
            with suppress(Damaged):
                return read_checkpoint(self._link, keys)
        return None

    # -- the shadow --

    def _shadow_projection(self) -> tuple[ProjectionWriter, bool]:
        """(the shadow's writer, whether it goes on with an earlier shadow); deletes a shadow that does not fit.

        With an archive the shadow begins anew: the earlier one may lack what was archived.
        """
        archive, deleted = self._archive if self._archive and self._archive.count else None, self._deleted()
        checkpoint = None if archive else self._checkpoint_of(self._shadow)
        projection = ProjectionWriter(self._link, self._shadow, self._bounds)
        resumed = checkpoint is not None and self._fits(checkpoint, deleted)
        if not resumed:
            keys = self._scan(self._shadow)
            for at in range(0, len(keys), _DELETED_AT_ONCE):
                self._link.call("DEL", *keys[at : at + _DELETED_AT_ONCE])
            checkpoint = self._write_past(archive, deleted) if archive else None
        if checkpoint is not None:
            projection.stand_at(checkpoint)
            projection.loader.load_tables()
        # A note until the swap: what the shadow has folded may be deleted while the rebuild is at work or broken off.
        projection.history.checkpoint.trimmed = deleted
        return projection, resumed

    def _write_past(self, archive: Archive, deleted: int) -> Checkpoint | None:
        """Fold in memory what is archived and the log as it is now, and write that to the shadow: where it stands."""
        stands = self._checkpoint_of(self._live)
        check_is_of(archive, self._log, stands, old=self._acceptance is not None)
        total = self._log_facts().added or 0
        history = fold_archived(
            archive,
            self._log,
            self._bounds,
            stands,
            append=lambda name, value: self._link.call("XADD", self._live.wal, "*", name, value),
            progress=lambda done: self._progress(done, max(done, total)),
        )
        history.checkpoint.trimmed = max(0, deleted)  # below 0 where the log was replaced after a trim
        write_history(self._link, self._shadow, history)
        return read_checkpoint(self._link, self._shadow)

    def _fits(self, checkpoint: Checkpoint, deleted: int) -> bool:
        return (
            checkpoint.is_made_with(self._bounds)
            and checkpoint.trimmed == deleted
            and checkpoint.torn is None
            and bool(checkpoint.last_id)
            and self._log.entry(checkpoint.last_id) is not None
        )

    def _scan(self, keys: Keys) -> list[bytes]:
        """Every key of a projection that is there."""
        return [key for key in scan(self._link.call, keys.pattern) if keys.owns(key)]

    # -- under the lease --

    def _take_lease(self) -> Lease:
        """Take the lease from the active projector, whose next commit is refused; it stands by until the swap."""
        holder = self._link.call("GET", self._live.lease)
        previous = Lease(holder.decode(), _LEASE_MS) if holder else None
        answer = acquire(self._link, self._live, ttl_ms=_LEASE_MS, previous=previous, rebuilding=True)
        if not isinstance(answer, Lease):
            raise Superseded(
                f"the lease went to {answer.holder} just now: start the rebuild again, it goes on from here"
            )
        return answer

    def _account(self, projection: ProjectionWriter, lease: Lease) -> tuple[int, int]:
        """See to it that no entry is forgotten: (losses accepted now, what is to count as trimmed).

        Afterwards the log says that it ever had as many entries as the shadow, and it lacks those that are trimmed or
        lost. Raises LossesFound if entries are lost and nobody accepts that.
        """
        facts, checkpoint = self._log_facts(), projection.history.checkpoint
        if (more := self._deleted() - checkpoint.trimmed) > 0:
            judge([b"meanwhile", more], self._live)
        stands = self._checkpoint_of(self._live)
        ever = entries_ever(self._log, facts, stands)
        folded = checkpoint.entries + self._log.count_between(projection.sent_id, last=facts.last_id)
        if stands is None:  # then at least the entries of the records that are left were there
            ever = max(ever, folded + len(without_entry(self._reader, self._live, archive=self._archive)))
        lost = max(0, ever - folded)
        uncounted = max(ever, folded) - (facts.added or 0)
        archived_to = checkpoint.archive_last_id or (stands.archive_last_id if stands else "")
        operation = self._accepted(lost, stands, archived_to) if lost else b""
        if lost or uncounted:
            keys = [self._live.wal, self._live.lease, self._shadow.checkpoint]
            seen = [lease.token, projection.sent_id, facts.gone, uncounted, operation]
            judge(self._link.call(*ACCEPT_LOSS.command(keys, seen)), self._shadow)
        self._fold_the_rest(projection)
        return lost, facts.gone + uncounted - checkpoint.lost

    def _accepted(self, lost: int, stands: Checkpoint | None, archived_to: str) -> bytes:
        """The operation that says so; raises LossesFound if nobody accepts the loss, and InvalidQuery without the
        archive of a log that is archived up to the entry `archived_to`: its entries would count once more."""
        examine = partial(examine_losses, self._reader, self._live, archive=self._archive)
        if self._acceptance is None:
            trimmed = min(lost, stands.trimmed) if stands and not self._archive else 0
            found = [_gone(trimmed, archived=bool(archived_to))] if trimmed else []
            found += [str(examine(entries=lost - trimmed))] if lost > trimmed else []
            text = f"{self._live.wal.decode()}: {', and '.join(found)}; the projection stays as it is"
            raise LossesFound(text, self._live.namespace, from_archive=self._archive is not None)
        if self._archive is None and archived_to:
            expected = f"the log's archive, because what it has, up to entry {archived_to}, is not lost"
            raise InvalidQuery("archive", f"{expected} (--archive WHERE; an empty directory if it is gone)", None)
        losses = examine(entries=lost)
        dropped = without_entry(self._reader, self._live, archive=self._archive, of_actions=True)
        self._drop(record.line for record in dropped)
        return self._acceptance.operation(losses)

    def _swap(self, projection: ProjectionWriter, lease: Lease, trimmed: int) -> None:
        old, new = self._scan(self._live), self._scan(self._shadow)
        named = [self._live.prefixed(self._shadow.suffix_of(key)) for key in new]
        keys = [self._live.lease, self._shadow.checkpoint, *old, *new, *named]
        reply = self._link.call(*_SWAP.command(keys, [lease.token, projection.sent_id, len(old), trimmed]))
        judge(reply, self._shadow)


def _gone(count: int, *, archived: bool) -> str:
    """What is known of `count` entries that count as trimmed: who took them, no archive tells."""
    if archived:
        return f"{counted(count, 'entry is', 'entries are')} no longer in the log, and archived"
    return f"{counted(count, 'entry was', 'entries were')} trimmed by projectors"
