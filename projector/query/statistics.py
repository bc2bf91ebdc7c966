"""The projection's hashes, parsed by pydantic into results. A hash that is none of ours raises Damaged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from projector.query.damage import damaged
from projector.query.results import ActionStats, ScannerStats, Totals

_T = TypeVar("_T")
_ACTION = TypeAdapter(ActionStats)
_SCANNER = TypeAdapter(ScannerStats)
_TOTALS = TypeAdapter(Totals)
_COUNTED = "action:"
_NAMES = [field.name for field in fields(ActionStats) if field.name != "action_id"]

ACTION_FIELDS = tuple(name.encode() for name in _NAMES)
"""The fields to ask HMGET for: its reply, in this order, is read faster than a whole hash."""


def name_in(raw: bytes, key: bytes) -> str:
    """A member of {ns}:actions or {ns}:scanners."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise damaged(key, "a name that is no UTF-8") from error


def action_stats_of(action_id: str, raws: Iterable[bytes | None], key: bytes) -> ActionStats:
    """From HMGET's reply for ACTION_FIELDS."""
    found = {name: raw for name, raw in zip(_NAMES, raws, strict=True) if raw is not None}
    return _parsed(_ACTION, {"action_id": action_id, **found}, key, "ActionStats")


def scanner_stats_of(scanner_id: str, found: Mapping[bytes, bytes], key: bytes) -> ScannerStats:
    """From the whole hash."""
    texts = sorted(_with_names(found).items())
    actions = {name.removeprefix(_COUNTED): count for name, count in texts if name.startswith(_COUNTED)}
    return _parsed(_SCANNER, {**dict(texts), "scanner_id": scanner_id, "actions": actions}, key, "ScannerStats")


def totals_of(found: Mapping[bytes, bytes], key: bytes) -> Totals:
    """From the whole hash."""
    return _parsed(_TOTALS, _with_names(found), key, "Totals")


def _with_names(found: Mapping[bytes, bytes]) -> dict[str, bytes]:
    return {name.decode(errors="backslashreplace"): value for name, value in found.items()}


def _parsed(kind: TypeAdapter[_T], found: Mapping[str, object], key: bytes, name: str) -> _T:
    try:
        return kind.validate_python(found)
    except ValidationError as error:
        raise damaged(key, f"no {name}") from error


def percentile_of(histogram: Mapping[bytes, bytes], percent: int, key: bytes) -> int | None:
    """The least bound of a bucket that `percent` of the durations do not exceed; None for an empty histogram.

    A bucket is at most 1/32 as wide as its bound is large, so the answer may be too high by that much.
    """
    try:
        buckets = sorted((int(bound), int(count)) for bound, count in histogram.items())
    except ValueError as error:
        raise damaged(key, "no histogram") from error
    left = sum(count for _, count in buckets) * percent
    for bound, count in buckets:
        left -= count * 100
        if left <= 0:
            return bound
    return None
