"""The projection's hashes made into results; what cannot be is Damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_type_hints

from projector.query.damage import damaged
from projector.query.results import ActionStats, ScannerStats, Totals

__all__ = ["ACTION_FIELDS", "action_stats_of", "count_in", "name_in", "scanner_stats_of", "text_in", "totals_of"]

_COUNTED = b"action:"


def count_in(raw: bytes | None) -> int:
    return 0 if raw is None else int(raw)


def text_in(raw: bytes | None) -> str | None:
    """None also for the empty text."""
    return raw.decode() if raw else None


def name_in(raw: bytes, key: bytes) -> str:
    """A member of {ns}:actions or {ns}:scanners."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise damaged(key, "a name that is no UTF-8") from error


def _time_in(raw: bytes | None) -> int | None:
    return None if raw is None else int(raw)


_READERS: dict[object, Callable[[bytes | None], object]] = {
    int: count_in,
    int | None: _time_in,
    str | None: text_in,
}


class _Reader:
    """Reads the fields that a hash shares with a result, named alike; `apart` names what comes from elsewhere."""

    def __init__(self, kind: type, *, apart: tuple[str, ...] = ()) -> None:
        hints = {name: hint for name, hint in get_type_hints(kind).items() if name not in apart}
        self.fields = tuple(name.encode() for name in hints)
        self._readers = [_READERS[hint] for hint in hints.values()]
        self._kind = kind

    def values(self, raws: Iterable[bytes | None], key: bytes) -> list[Any]:
        """The values of `fields`, in their order, as the result has them."""
        try:
            return [read(raw) for read, raw in zip(self._readers, raws, strict=True)]
        except ValueError as error:
            raise damaged(key, f"no {self._kind.__name__}") from error


_ACTION = _Reader(ActionStats, apart=("action_id",))
_SCANNER = _Reader(ScannerStats, apart=("scanner_id", "actions"))
_TOTALS = _Reader(Totals)

ACTION_FIELDS = _ACTION.fields
"""What to ask HMGET for: a reply in this order is read faster than a whole hash."""


def action_stats_of(action_id: str, raws: Iterable[bytes | None], key: bytes) -> ActionStats:
    """From HMGET's reply for ACTION_FIELDS."""
    return ActionStats(action_id, *_ACTION.values(raws, key))


def scanner_stats_of(scanner_id: str, found: Mapping[bytes, bytes], key: bytes) -> ScannerStats:
    """From the whole hash."""
    values = _SCANNER.values(map(found.get, _SCANNER.fields), key)
    try:
        actions = {
            name.removeprefix(_COUNTED).decode(): int(count)
            for name, count in sorted(found.items())
            if name.startswith(_COUNTED)
        }
    except ValueError as error:
        raise damaged(key, "no ScannerStats") from error
    return ScannerStats(scanner_id, *[*values, actions])


def totals_of(found: Mapping[bytes, bytes], key: bytes) -> Totals:
    """From the whole hash."""
    return Totals(*_TOTALS.values(map(found.get, _TOTALS.fields), key))
