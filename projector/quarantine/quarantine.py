"""Reading the quarantine, and appending to the log the decision to retry or drop its entries."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from producer.connection.client import Client, client_of
from producer.errors import UndecodableOperation
from producer.log import Log, Stream
from producer.operations import QuarantineDropped, decode, encode
from producer.wal import DEFAULT_NAMESPACE, OP, RETRY_OF
from projector.entry_id import order_of
from projector.fold.fold import UNDECIDABLE
from projector.keys import Keys
from projector.quarantine.entry import QuarantinedEntry
from projector.worker.link import Link

_PAGE = 100
_PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Attempt:
    """A retry or drop of one entry: `appended` is the id of the entry that asks the fold for it; else `refusal` says
    why nothing was appended."""

    entry_id: str
    appended: str | None = None
    refusal: str | None = None


class Folded(Enum):
    """Whether the projection has come to the entries that were appended."""

    YES = "yes"
    NOT_YET = "not yet"
    NOBODY = "nobody"
    """No projector is active; the next one will fold the entries."""


class Quarantine:
    """The quarantine of `namespace`, on one connection. Not safe under threads.

    `url_or_client` as for `Query`. Calls raise ServerUnavailable, ServerRefused or Damaged. Any call may be repeated,
    because an entry is taken out once, and counts once, however often its retry or drop is appended.
    """

    def __init__(
        self,
        url_or_client: str | Client | None = None,
        namespace: str = DEFAULT_NAMESPACE,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.namespace = namespace
        self._keys = Keys(namespace)
        self._client, self._owned = client_of(url_or_client)
        self._link = Link(self._client, self._keys.wal, ())
        self._log = Log(self._link.call, namespace)
        self._stream = Stream(self._link.call, self._keys.quarantine)
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep

    # -- reading --

    def size(self) -> int:
        """How many entries the quarantine holds."""
        return int(self._link.call("XLEN", self._keys.quarantine))

    def entries(self, limit: int) -> list[QuarantinedEntry]:
        """The latest `limit`, newest first."""
        if limit == 0:  # the server would take it for no limit
            return []
        return [QuarantinedEntry.of_stream(*entry) for entry in self._stream.newest(limit)]

    def get(self, entry_id: str) -> QuarantinedEntry | None:
        """The entry of that id; None when it is not in the quarantine."""
        fields = self._stream.entry(entry_id)
        return None if fields is None else QuarantinedEntry.of_stream(entry_id.encode(), fields)

    def ids(self) -> Iterator[str]:
        """Every id, oldest first."""
        last = ""
        while page := self._stream.after(last, _PAGE):
            yield from (entry_id.decode() for entry_id, _ in page)
            last = page[-1][0].decode()

    # -- appending --

    def retry(self, entry_ids: Iterable[str]) -> Iterator[Attempt]:
        """Append each entry anew if it decodes now, one attempt for each id; the fold takes it out and counts it."""
        for entry_id in entry_ids:
            entry = self.get(entry_id)
            yield _absent(entry_id) if entry is None else self._retry(entry)

    def retry_all(self) -> Iterator[Attempt]:
        """The same for every entry, but for entries that may have counted already: these somebody has to name."""
        for entry_id in list(self.ids()):
            entry = self.get(entry_id)
            if entry is None:  # taken out meanwhile
                continue
            if entry.reason == UNDECIDABLE:
                yield Attempt(entry_id, refusal=f"{UNDECIDABLE}: to count it all the same, name it")
            else:
                yield self._retry(entry)

    def drop(self, entry_ids: Iterable[str]) -> Iterator[Attempt]:
        """Append that each entry is to be dropped; the fold takes it out. The original stays in the log."""
        for entry_id in entry_ids:
            if self.get(entry_id) is None:
                yield _absent(entry_id)
                continue
            operation = QuarantineDropped(entry_id=entry_id, dropped_at=int(self._clock() * 1000))
            yield Attempt(entry_id, appended=self._append(OP, encode(operation)))

    def wait(self, attempts: Iterable[Attempt], *, seconds: float) -> Folded:
        """Wait, for `seconds` at most, until the projection has come to every entry that was appended."""
        last = max((attempt.appended for attempt in attempts if attempt.appended), key=order_of)
        deadline = self._monotonic() + seconds
        while True:
            stands, lease = self._link.call_all(
                [("HGET", self._keys.checkpoint, "last_id"), ("EXISTS", self._keys.lease)]
            )
            if stands and order_of(stands.decode()) >= order_of(last):
                return Folded.YES
            if not lease:
                return Folded.NOBODY
            if self._monotonic() > deadline:
                return Folded.NOT_YET
            self._sleep(_PAUSE)

    def close(self) -> None:
        self._link.close()
        if self._owned:
            self._client.close()

    def __enter__(self) -> Quarantine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _retry(self, entry: QuarantinedEntry) -> Attempt:
        original = self._log.entry(entry.entry_id)
        try:
            raw = _operation_in_log(original) if original else _operation_kept(entry)
            decode(raw)
        except UndecodableOperation as error:
            return Attempt(entry.entry_id, refusal=str(error))
        except _NoOperation as error:
            return Attempt(entry.entry_id, refusal=str(error))
        return Attempt(entry.entry_id, appended=self._append(OP, raw, RETRY_OF, entry.entry_id))

    def _append(self, *fields: bytes | str) -> str:
        entry_id: bytes = self._link.call("XADD", self._keys.wal, "*", *fields)
        return entry_id.decode()


class _NoOperation(Exception):
    """There are no bytes to decode; the text says why."""


def _absent(entry_id: str) -> Attempt:
    return Attempt(entry_id, refusal="it is not in the quarantine")


def _operation_in_log(fields: list[bytes]) -> bytes:
    """The operation of the original entry, whole."""
    return _only([value for name, value in zip(fields[0::2], fields[1::2], strict=True) if name == OP])


def _operation_kept(entry: QuarantinedEntry) -> bytes:
    """The operation as the quarantine has it, for an entry that is no longer in the log."""
    found = entry.values(OP)
    if any(field.is_cut for field in found):
        raise _NoOperation(
            f"its entry is no longer in the log, and of its {found[0].length} bytes only "
            f"{len(found[0].value)} were kept"
        )
    return _only([field.value for field in found])


def _only(values: list[bytes]) -> bytes:
    if len(values) != 1:
        raise _NoOperation(f"expected one field op, found {len(values) or 'none'}")
    return values[0]
