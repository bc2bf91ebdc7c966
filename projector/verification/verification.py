"""Verification: is the projection what the fold of the log gives?

The projector goes on working meanwhile. So the verification reads a few keys at a time, together with the checkpoint,
at one instant; then it folds the log on to that checkpoint, and compares the fold's contents of those keys.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from producer.connection.client import Client, using_client
from producer.log import Log, LogFacts
from producer.text.wording import counted
from producer.wal import DEFAULT_NAMESPACE
from projector.archive.archive import Archive
from projector.bounds import SCHEMA, Bounds
from projector.checkpoint import Checkpoint
from projector.connection.reader import Command, Reader, scan
from projector.entry_id import order_of
from projector.errors import ConfigMismatch, InvalidQuery, command_for, text_of
from projector.fold.fold import fold_page
from projector.fold.history import History
from projector.fold.rendering import (
    Content,
    Rendered,
    history_keys,
    render_action,
    render_fixed,
    render_history,
    render_scanner,
)
from projector.keys import Keys
from projector.losses.examination import Losses, examine_losses
from projector.snapshot import Snapshots
from projector.trail import Trail
from projector.verification.differences import Difference, differences

_LOG_PAGE = 1000
_CHUNK = 50
_PAGE = 100
_READ: dict[str, Callable[[bytes], Command]] = {
    "list": lambda key: ("LRANGE", key, 0, -1),
    "hash": lambda key: ("HGETALL", key),
    "zset": lambda key: ("ZRANGE", key, 0, -1, "WITHSCORES"),
}
"""The command that reads a whole key, by its kind."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome. The log was folded up to the entry `at` (empty: nothing was projected yet), which made `entries`.
    `moved`: the projection went on meanwhile. `losses`: entries that the projection knows, and that are gone."""

    at: str
    entries: int
    moved: bool
    differences: tuple[Difference, ...]
    losses: Losses | None = None

    @property
    def identical(self) -> bool:
        return not self.differences


def verify(
    url_or_client: str | Client | None = None,
    namespace: str = DEFAULT_NAMESPACE,
    *,
    archive: str | None = None,
    from_archive: bool = False,
    timeout: float = 60.0,
    progress: Callable[[int, int], None] | None = None,
) -> Verification:
    """Compare the projection of `namespace` with the fold of its log; reads only.

    `url_or_client` as for `Query`; given a URL, each reply may take `timeout` seconds. Where the log is archived at
    `archive`, the fold begins with the newest snapshot there, or if `from_archive` with the first segment. `progress`
    is called with the entries folded so far and their number. Raises ServerUnavailable, ServerRefused,
    UnusableServer, Damaged, ArchiveUnavailable, ArchiveDamaged, ConfigMismatch for a projection that another version
    made, and InvalidQuery without an archive, or with an empty one, of a log that was trimmed.
    """
    if from_archive and not archive:
        raise InvalidQuery("from_archive", "an archive to begin with", archive)
    with using_client(url_or_client, namespace, timeout=timeout) as client:
        keys = Keys(namespace)
        found = Archive.at(archive, namespace) if archive else None
        reader = Reader(client, keys.wal)
        return _Examination(reader, keys, found, from_archive, progress or (lambda _done, _total: None)).run()


class _Examination:
    def __init__(
        self,
        reader: Reader,
        keys: Keys,
        archive: Archive | None,
        from_archive: bool,
        progress: Callable[[int, int], None],
    ) -> None:
        self._keys = keys
        self._reader = reader
        self._archive = archive
        self._from_archive = from_archive
        log = Log(reader.call, keys.namespace)
        log.facts()  # raises Damaged for a key that is no stream
        self._trail = Trail(log, archive)
        checkpoint = Checkpoint.of_hash(reader.call("HGETALL", keys.checkpoint), keys.checkpoint)
        self._progress = progress
        self._total = checkpoint.entries if checkpoint else 0
        self._first_at = checkpoint.last_id if checkpoint else ""
        self._history = self._begun_at(_bounds_of(checkpoint, keys.namespace))
        self._found: list[Difference] = []

    def _begun_at(self, bounds: Bounds) -> History:
        """The history from which the log is folded on."""
        if self._archive and self._first_at and not self._from_archive:
            snapshot = Snapshots(self._archive.place).newest(self._archive, bounds, last=self._first_at)
            if snapshot is not None:
                return snapshot
        return History(bounds)

    def run(self) -> Verification:
        history, keys = self._history, self._keys
        if not self._first_at:
            return self._nothing_projected()
        self._read()
        if not history.checkpoint.last_id or order_of(history.checkpoint.last_id) < order_of(self._first_at):
            reached = history.checkpoint.last_id or "its beginning"
            self._found.append(Difference(text_of(keys.wal), self._first_at, "an entry", f"none after {reached}"))
            return self._outcome()
        seen: set[str] = set()
        compared: set[bytes] = set()
        while new := [action_id for action_id in history.actions.order or () if action_id not in seen]:
            self._compare([partial(render_action, history, keys, action_id) for action_id in new])
            seen.update(new)
        self._compare([partial(render_scanner, history, keys, name) for name in history.scanners.order or ()])
        while new_keys := [key for key in history_keys(history, keys) if key not in compared]:
            self._compare([partial(self._history_at, key) for key in new_keys])
            compared.update(new_keys)
        self._compare([partial(render_fixed, history, keys)])
        self._compare_quarantine()
        self._compare_strays()
        self._compare_counts()
        return self._outcome()

    def _history_at(self, key: bytes) -> tuple[Rendered]:
        return (render_history(self._history, self._keys, key),)

    def _outcome(self) -> Verification:
        checkpoint = self._history.checkpoint
        moved = checkpoint.last_id != self._first_at
        losses = examine_losses(self._reader, self._keys, archive=self._archive) if self._found else None
        if losses and not losses.entries:
            losses = None
        return Verification(checkpoint.last_id, checkpoint.entries, moved, tuple(self._found), losses)

    def _nothing_projected(self) -> Verification:
        keys = self._keys.fixed
        exist = self._read(*[("EXISTS", key) for key in keys])
        if self._history.checkpoint.last_id:  # the first commit came just now, and tells the projection's bounds
            return _Examination(self._reader, self._keys, self._archive, self._from_archive, self._progress).run()
        for key, there in zip(keys, exist, strict=True):
            if there:
                self._found.append(Difference(text_of(key), "", None, "a key without a checkpoint"))
        return self._outcome()

    def _compare(self, renderers: list[Callable[[], Iterable[Rendered]]]) -> None:
        """Compare the keys that the `renderers` give; each is called again once the log is folded on."""
        for at in range(0, len(renderers), _CHUNK):
            chunk = renderers[at : at + _CHUNK]
            replies = self._read(*[_READ[kind](key) for render in chunk for key, kind, _ in render()])
            expected = (rendered for render in chunk for rendered in render())
            for (key, kind, content), found in zip(expected, replies, strict=True):
                if kind == "zset" and found:
                    found = {member: int(float(score)) for member, score in found.items()}
                self._found += differences(key, content, found)

    def _read(self, *commands: Command) -> list[Any]:
        """The replies to `commands` at one instant (None for a key of another type); folds the log on to it."""
        stands: Command = ("HMGET", self._keys.checkpoint, "last_id", "trimmed")
        counts, *replies = self._reader.at_one_instant_by_script(stands, *commands)
        last_id, trimmed = counts or (None, None)
        # A trim is no entry: the count is the projector's own, and compared with the log's (`_compare_counts`).
        self._history.checkpoint.trimmed = int(trimmed or 0)
        if self._archive and not self._archive.count:
            self._archive.refresh()  # its first segment may be new, and a trim behind that
        if self._history.checkpoint.trimmed and not (self._archive and self._archive.count):
            entries = counted(self._history.checkpoint.trimmed, "entry was", "entries were")
            expected = f"a directory or a URL, because {entries} trimmed from the log (--archive WHERE)"
            found = f"nothing archived at {self._archive.place}" if self._archive else None
            raise InvalidQuery("archive", expected, found)
        self._fold_to((last_id or b"").decode())
        return replies

    def _fold_to(self, last_id: str) -> None:
        """Fold the log, without a consumer group, up to the entry at which the projection stands."""
        checkpoint = self._history.checkpoint
        stands = checkpoint.last_id or "0-0"
        if order_of(last_id or "0-0") < order_of(stands):
            raise ConfigMismatch(
                f"the projection was made anew while it was verified (it went from {stands} back to "
                f"{last_id or 'nothing'}): verify again"
            )
        while checkpoint.last_id != last_id:
            page = self._trail.after(checkpoint.last_id, _LOG_PAGE, last=last_id)
            if not page:
                return
            fold_page(self._history, page)
            self._progress(checkpoint.entries, max(checkpoint.entries, self._total))

    def _compare_counts(self) -> None:
        """What left the log was trimmed, or a rebuild had it from the archive, or it is an accepted loss."""
        checkpoint = self._history.checkpoint
        (told,) = self._read(("XINFO STREAM", self._keys.wal))
        gone = LogFacts.of_reply(told).gone if told else 0
        accounted = checkpoint.trimmed + checkpoint.lost
        if gone != accounted:
            field = "entries ever added that are no longer there"
            self._found.append(Difference(text_of(self._keys.wal), field, str(accounted), str(gone)))

    def _compare_quarantine(self) -> None:
        """Page by page: the quarantine may be large."""
        rows = self._history.quarantine
        after = "-"
        while True:
            (reply,) = self._read(("XRANGE", self._keys.quarantine, after, "+", "COUNT", _PAGE))
            found = reply or []
            top = found[-1][0].decode() if len(found) == _PAGE else None
            expected = [
                (entry_id.encode(), rows.rows[entry_id] or [])
                for entry_id in rows.order or ()
                if (after == "-" or order_of(entry_id) > order_of(after[1:]))
                and (top is None or order_of(entry_id) <= order_of(top))
            ]
            content: Content | None = None if reply is None else [(entry_id, fields) for entry_id, fields in found]
            self._found += differences(self._keys.quarantine, expected, content)
            if top is None:
                return
            after = f"({top}"

    def _compare_strays(self) -> None:
        """Keys of actions and scanners that the fold does not know."""
        for key in scan(self._reader.call, self._keys.pattern):
            if self._is_stray(key):
                (exists,) = self._read(("EXISTS", key))
                if exists and self._is_stray(key):
                    self._found.append(Difference(text_of(key), "", None, "a key"))

    def _is_stray(self, key: bytes) -> bool:
        match self._keys.family_of(key):
            case None:
                return False
            case "scanner", name:
                return name not in (self._history.scanners.order or ())
            case "history", _:
                return key not in self._keys.fixed and key not in history_keys(self._history, self._keys)
            case _, name:
                return name not in (self._history.actions.order or ())


def _bounds_of(checkpoint: Checkpoint | None, namespace: str) -> Bounds:
    """The bounds that the projection was made with."""
    if checkpoint is None:
        return Bounds()
    with suppress(ValueError):
        if checkpoint.schema == SCHEMA:
            return checkpoint.bounds()
    raise ConfigMismatch(
        f"the projection of namespace {namespace} has schema {checkpoint.schema or 'none'} and a configuration that "
        f"this version (schema {SCHEMA}) cannot repeat: make it anew with: {command_for(namespace, 'rebuild')}"
    )
