"""Verification: is the projection what the fold of the log gives?

The projector goes on working meanwhile. So the verification reads a few keys at a time, together with the checkpoint,
at one instant; then it folds the log on to that checkpoint, and compares the fold's contents of those keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from producer.connection.client import Client, using_client
from producer.log import Log
from producer.wal import DEFAULT_NAMESPACE
from projector.bounds import SCHEMA, Bounds
from projector.checkpoint import Checkpoint
from projector.entry_id import order_of
from projector.errors import ConfigMismatch
from projector.fold.rendering import Content, Rendered, render_action, render_fixed, render_scanner
from projector.keys import FIXED_KEYS, Keys
from projector.reading import scan
from projector.verification.differences import Difference, differences
from projector.verification.log_reader import LogReader
from projector.verification.snapshot import Snapshot

_CHUNK = 50
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome. The log was folded up to the entry `at` (empty: nothing was projected yet), which made `entries`.
    `moved`: the projection went on meanwhile."""

    at: str
    entries: int
    moved: bool
    differences: tuple[Difference, ...]

    @property
    def identical(self) -> bool:
        return not self.differences


def verify(
    url_or_client: str | Client | None = None,
    namespace: str = DEFAULT_NAMESPACE,
    *,
    timeout: float = 60.0,
    progress: Callable[[int, int], None] | None = None,
) -> Verification:
    """Compare the projection of `namespace` with the fold of its log; reads only.

    `url_or_client` as for `Query`; given a URL, each reply may take `timeout` seconds. `progress` is called with
    the entries folded so far and their number. Raises ServerUnavailable, ServerRefused, UnusableServer, Damaged, and
    ConfigMismatch for a projection that another version made.
    """
    with using_client(url_or_client, timeout=timeout) as client:
        return _Examination(client, Keys(namespace), progress or _silent).run()


def _silent(_done: int, _total: int) -> None: ...


class _Examination:
    def __init__(self, client: Client, keys: Keys, progress: Callable[[int, int], None]) -> None:
        self._keys = keys
        self._snapshot = Snapshot(client, keys)
        log = Log(self._snapshot.call, keys.namespace)
        checkpoint = Checkpoint.of_hash(self._snapshot.call("HGETALL", keys.checkpoint), keys.checkpoint)
        total = checkpoint.entries if checkpoint else 0
        facts = log.facts()
        self._log = LogReader(
            log,
            _bounds_of(checkpoint, keys.namespace),
            lost=facts.gone if facts else 0,  # if entries went unaccounted for, the checkpoint differs
            progress=lambda done: progress(done, max(done, total)),
        )
        self._first_at = checkpoint.last_id if checkpoint else ""
        self._found: list[Difference] = []

    def run(self) -> Verification:
        history = self._log.history
        if not self._first_at:
            return self._nothing_projected()
        self._log.fold_to(self._first_at)
        if history.checkpoint.last_id != self._first_at:
            reached = history.checkpoint.last_id or "its beginning"
            self._found.append(Difference(_text(self._keys.wal), self._first_at, "an entry", f"none after {reached}"))
            return self._outcome()
        seen: set[str] = set()
        while new := [action_id for action_id in history.actions.order or () if action_id not in seen]:
            self._compare_each(new, lambda name: render_action(history, self._keys, name))
            seen.update(new)
        self._compare_each(list(history.scanners.order or ()), lambda name: render_scanner(history, self._keys, name))
        self._compare(lambda: render_fixed(history, self._keys))
        self._compare_quarantine()
        self._compare_strays()
        return self._outcome()

    def _outcome(self) -> Verification:
        checkpoint = self._log.history.checkpoint
        moved = checkpoint.last_id != self._first_at
        return Verification(checkpoint.last_id, checkpoint.entries, moved, tuple(self._found))

    def _nothing_projected(self) -> Verification:
        keys = [getattr(self._keys, name) for name in FIXED_KEYS]
        last_id, exist = self._snapshot.at_one_instant(*[("EXISTS", key) for key in keys])
        if last_id:  # the first commit came just now
            self._first_at = last_id
            return self.run()
        for key, there in zip(keys, exist, strict=True):
            if there:
                self._found.append(Difference(_text(key), "", None, "a key without a checkpoint"))
        return self._outcome()

    def _compare_each(self, names: list[str], render: Callable[[str], Iterable[Rendered]]) -> None:
        for at in range(0, len(names), _CHUNK):
            chunk = names[at : at + _CHUNK]
            self._compare(lambda chunk=chunk: (key for name in chunk for key in render(name)))  # type: ignore[misc]

    def _compare(self, render: Callable[[], Iterable[Rendered]]) -> None:
        last_id, found = self._snapshot.contents(list(render()))
        self._follow(last_id)
        for rendered, content in zip(render(), found, strict=True):
            self._found += differences(rendered.key, rendered.content or None, content)

    def _follow(self, last_id: str) -> None:
        stands = self._log.history.checkpoint.last_id
        if order_of(last_id or "0-0") < order_of(stands):
            raise ConfigMismatch(
                f"the projection was made anew while it was verified (it went from {stands} back to "
                f"{last_id or 'nothing'}): verify again"
            )
        self._log.fold_to(last_id)

    def _compare_quarantine(self) -> None:
        """Page by page: the quarantine may be large."""
        rows = self._log.history.quarantine
        after = "-"
        while True:
            last_id, (found,) = self._snapshot.at_one_instant(
                ("XRANGE", self._keys.quarantine, after, "+", "COUNT", _PAGE)
            )
            self._follow(last_id)
            found = found or []
            top = found[-1][0].decode() if len(found) == _PAGE else None
            expected = [
                (entry_id.encode(), rows.rows[entry_id] or [])
                for entry_id in rows.order or ()
                if (after == "-" or order_of(entry_id) > order_of(after[1:]))
                and (top is None or order_of(entry_id) <= order_of(top))
            ]
            content: Content = [(entry_id, fields) for entry_id, fields in found]
            self._found += differences(self._keys.quarantine, expected or None, content or None)
            if top is None:
                return
            after = f"({top}"

    def _compare_strays(self) -> None:
        """Keys of actions and scanners that the fold does not know."""
        for key in self._strays():
            last_id, (exists,) = self._snapshot.at_one_instant(("EXISTS", key))
            self._follow(last_id)
            if exists and key in set(self._strays_of([key])):
                self._found.append(Difference(_text(key), "", None, "a key"))

    def _strays(self) -> list[bytes]:
        return list(self._strays_of(scan(self._snapshot.call, self._keys.pattern)))

    def _strays_of(self, candidates: list[bytes]) -> Iterator[bytes]:
        history, keys = self._log.history, self._keys
        for key in candidates:
            family = keys.family_of(key)
            if family is None:
                continue
            table = history.scanners if family[0] == "scanner" else history.actions
            if family[1] not in (table.order or ()):
                yield key


def _bounds_of(checkpoint: Checkpoint | None, namespace: str) -> Bounds:
    """The bounds that the projection was made with."""
    if checkpoint is None:
        return Bounds()
    with suppress(ValueError):
        if checkpoint.schema == SCHEMA:
            return checkpoint.bounds()
    raise ConfigMismatch(
        f"the projection of namespace {namespace} has schema {checkpoint.schema or 'none'} and a configuration that "
        f"this version (schema {SCHEMA}) cannot repeat: make it anew with: projector rebuild"
    )


def _text(key: bytes) -> str:
    return key.decode("utf-8", "backslashreplace")
