"""Reading the quarantine, and appending to the log the decision to retry or drop its entries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from producer.connection.client import Client
from producer.log import Log, Stream
from producer.operations import QuarantineDropped, decode, encode
from producer.wal import DEFAULT_NAMESPACE, OP, RETRY_OF
from projector.archive.archive import Archive
from projector.decisions.decision import Attempt, Decisions
from projector.fold.fold import UNDECIDABLE
from projector.quarantine.entry import QuarantinedEntry
from projector.trail import Trail

_PAGE = 100
_ABSENT = "it is not in the quarantine"


class Quarantine(Decisions):
    """The quarantine of `namespace`. An entry is taken out once, and counts once, however often it is retried.

    Originals that were trimmed from the log are looked for in `archive`, if it is given.
    """

    def __init__(
        self,
        url_or_client: str | Client | None = None,
        namespace: str = DEFAULT_NAMESPACE,
        *,
        archive: str | None = None,
    ) -> None:
        super().__init__(url_or_client, namespace)
        self._trail = Trail(Log(self._link.call, namespace), Archive.at(archive, namespace) if archive else None)
        self._stream = Stream(self._link.call, self._keys.quarantine)

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

    # -- appending --

    def retry(self, entry_ids: Iterable[str]) -> Iterator[Attempt]:
        """Append each entry anew if it decodes now, one attempt for each id; the fold takes it out and counts it."""
        for entry_id in entry_ids:
            entry = self.get(entry_id)
            yield Attempt(entry_id, refusal=_ABSENT) if entry is None else self._retry(entry)

    def retry_all(self) -> Iterator[Attempt]:
        """The same for every entry, but for entries that may have counted already: these somebody has to name."""
        newest = self.entries(1)
        after = ""
        while newest and (page := self._stream.after(after, _PAGE, last=newest[0].entry_id)):
            for raw_id, fields in page:
                entry = QuarantinedEntry.of_stream(raw_id, fields)
                if entry.reason == UNDECIDABLE:
                    yield Attempt(entry.entry_id, refusal=f"{UNDECIDABLE}: to count it all the same, name it")
                else:
                    yield self._retry(entry)
            after = entry.entry_id

    def drop(self, entry_ids: Iterable[str]) -> Iterator[Attempt]:
        """Append that each entry is to be dropped; the fold takes it out. The original stays in the log."""
        for entry_id in entry_ids:
            if self.get(entry_id) is None:
                yield Attempt(entry_id, refusal=_ABSENT)
            else:
                operation = QuarantineDropped(entry_id=entry_id, dropped_at=self._now_ms())
                yield Attempt(entry_id, appended=self._append(OP, encode(operation)))

    def _retry(self, entry: QuarantinedEntry) -> Attempt:
        original = self._trail.entry(entry.entry_id)
        try:
            raw = _operation_of(entry, original)
            decode(raw)
        except ValueError as error:
            return Attempt(entry.entry_id, refusal=str(error))
        return Attempt(entry.entry_id, appended=self._append(OP, raw, RETRY_OF, entry.entry_id))


def _operation_of(entry: QuarantinedEntry, original: list[bytes] | None) -> bytes:
    """The operation of the `original` entry, or as the quarantine kept it if the original is no longer in the log.

    Raises ValueError, whose text says why there is nothing to append.
    """
    kept = entry.values(OP)
    if original is not None:
        values = [value for name, value in zip(original[0::2], original[1::2], strict=True) if name == OP]
    elif any(field.is_cut for field in kept):
        raise ValueError(
            f"its entry is no longer in the log, and of its {kept[0].length} bytes only "
            f"{len(kept[0].value)} were kept; if it was archived, name where, with --archive"
        )
    else:
        values = [field.value for field in kept]
    if len(values) != 1:
        raise ValueError(f"expected one field op, found {len(values) or 'none'}")
    return values[0]
