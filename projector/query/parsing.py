"""What the projection holds, parsed by pydantic into records and results; anything else raises Damaged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from projector.entry_id import order_of
from projector.errors import damaged, text_of
from projector.query.results import ActionStats, LastVerified, ScannerStats, Totals
from projector.records import (
    NAMESPACE,
    ActionExecutionRecord,
    CleanupRecord,
    FailureKind,
    InFlightRecord,
    Rollup,
    of_namespace,
)

_R = TypeVar("_R")
_T = TypeVar("_T")

_ACTION = TypeAdapter(ActionStats)
_SCANNER = TypeAdapter(ScannerStats)
_TOTALS = TypeAdapter(Totals)
_COUNTED = "action:"
_PERCENTILES = {f"p{percent}_duration_ms" for percent in (50, 90, 95, 99)}
_RECKONED = {"action_id", "running", "success_rate"} | _PERCENTILES
_NAMES = [field.name for field in fields(ActionStats) if field.name not in _RECKONED]

ACTION_FIELDS = tuple(name.encode() for name in _NAMES)
"""The fields to ask HMGET for: its reply, in this order, is read faster than a whole hash."""


class RecordReader(Generic[_R]):
    """Reads the JSON of one kind of record. Every field has to be there, of its type; unknown fields are ignored. The
    namespace of a record is the one whose key has it."""

    def __init__(self, kind: type[_R]) -> None:
        self._name = kind.__name__
        self._adapter = TypeAdapter(kind)
        self._says_its_namespace = any(field.name == NAMESPACE for field in fields(kind))  # type: ignore[arg-type]

    def read(self, raw: bytes, key: bytes) -> _R:
        try:
            record = self._adapter.validate_json(raw, strict=True)
            order_of(getattr(record, "entry_id", "0-0"))  # many an answer goes by it
        except ValueError as error:  # pydantic's own is one
            raise damaged(key, f"no {self._name}") from error
        return of_namespace(record, _namespace_in(key)) if self._says_its_namespace else record


EXECUTIONS = RecordReader(ActionExecutionRecord)
CLEANUPS = RecordReader(CleanupRecord)
IN_FLIGHT = RecordReader(InFlightRecord)
ROLLUPS = RecordReader(Rollup)
FAILURE_KINDS = RecordReader(FailureKind)
LAST_VERIFIED = RecordReader(LastVerified)


Range = tuple[int, int]
"""Numbers of a producer, from and to."""


def size_of(ranges: Iterable[Range]) -> int:
    """How many numbers are in the ranges."""
    return sum(last - first + 1 for first, last in ranges)


@dataclass(frozen=True, slots=True)
class ProducerNumbers:
    """The numbers of one producer, as the fold has written them (`projector/fold/sequence.py` explains them)."""

    seq: int
    gaps: list[Range]
    closed: int
    entry_id: str
    accepted: int = 0

    @property
    def last_missing(self) -> int:
        """The highest number that never arrived, as far as is known; 0: nothing is missing."""
        return self.gaps[-1][1] if self.gaps else self.closed

    @property
    def unaccepted(self) -> list[Range]:
        """The gaps, as far as nobody has accepted them."""
        return [(max(first, self.accepted + 1), last) for first, last in self.gaps if last > self.accepted]


_PRODUCERS = RecordReader(ProducerNumbers)


@lru_cache
def _namespace_in(key: bytes) -> str:
    return key[1 : key.index(b"}")].decode()


def name_in(raw: bytes, key: bytes) -> str:
    """A member of {ns}:actions or {ns}:scanners."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise damaged(key, "a name that is no UTF-8") from error


def numbers_of(rows: Mapping[bytes, bytes], key: bytes) -> dict[str, ProducerNumbers]:
    """From the whole hash, by producer in order of name."""
    return {name_in(by, key): _PRODUCERS.read(raw, key) for by, raw in sorted(rows.items())}


def action_stats_of(action_id: str, raws: Iterable[bytes | None], key: bytes, *, running: int) -> ActionStats:
    """From HMGET's reply for ACTION_FIELDS, without what is reckoned from them or stands elsewhere."""
    found = {name: raw for name, raw in zip(_NAMES, raws, strict=True) if raw is not None}
    return _parsed(_ACTION, {"action_id": action_id, "running": running, **found}, key, "ActionStats")


def scanner_stats_of(scanner_id: str, found: Mapping[bytes, bytes], key: bytes) -> ScannerStats:
    """From the whole hash."""
    texts = sorted(_with_names(found).items())
    actions = {name.removeprefix(_COUNTED): count for name, count in texts if name.startswith(_COUNTED)}
    return _parsed(_SCANNER, {**dict(texts), "scanner_id": scanner_id, "actions": actions}, key, "ScannerStats")


def totals_of(found: Mapping[bytes, bytes], key: bytes) -> Totals:
    """From the whole hash."""
    return _parsed(_TOTALS, _with_names(found), key, "Totals")


def _with_names(found: Mapping[bytes, bytes]) -> dict[str, bytes]:
    return {text_of(name): value for name, value in found.items()}


def _parsed(kind: TypeAdapter[_T], found: Mapping[str, object], key: bytes, name: str) -> _T:
    try:
        return kind.validate_python(found)
    except ValidationError as error:
        raise damaged(key, f"no {name}") from error
