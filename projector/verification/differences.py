"""The differences between a projection and the fold, key by key and field by field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from projector.fold.rendering import Content

_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where Redis holds `found` and the fold has `expected`; None for absent.

    `field` is a hash's field, a sorted set's member, a list's index or a stream's entry id; empty for the whole key.
    """

    key: str
    field: str
    expected: str | None
    found: str | None


def differences(key: bytes, expected: Content | None, found: Content | None) -> Iterator[Difference]:
    """Every difference between the two contents of `key`."""
    name = _text(key)
    if expected is None or found is None:
        if expected is not found:
            yield Difference(name, "", _summary(expected), _summary(found))
        return
    left, right = _fields(expected), _fields(found)
    for field in left.keys() | right.keys():
        if left.get(field) != right.get(field):
            yield Difference(name, _text(field), _shown(left.get(field)), _shown(right.get(field)))


def _fields(content: Content) -> dict[bytes, object]:
    if isinstance(content, dict):
        return dict(content)
    if content and isinstance(content[0], tuple):
        return dict(content)
    return {b"%d" % index: element for index, element in enumerate(content)}


def _summary(content: Content | None) -> str | None:
    return None if content is None else f"{len(content)} elements"


def _shown(value: object) -> str | None:
    if value is None:
        return None
    text = _text(value) if isinstance(value, bytes) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")
