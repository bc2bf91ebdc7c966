"""The differences between a projection and the fold, key by key and field by field."""

from collections.abc import Iterator
from dataclasses import dataclass

from producer.text.wording import counted
from projector.errors import text_of
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


def differences(key: bytes, expected: Content, found: Content | None) -> Iterator[Difference]:
    """Every difference between the two contents of `key`: empty for an absent key, None for another type."""
    name = text_of(key)
    if found is None:
        yield Difference(name, "", _summary(expected), "another type")
        return
    if not expected or not found:
        if expected or found:
            yield Difference(name, "", _summary(expected), _summary(found))
        return
    left, right = _fields(expected), _fields(found)
    for field in left.keys() | right.keys():
        if left.get(field) != right.get(field):
            yield Difference(name, text_of(field), _shown(left.get(field)), _shown(right.get(field)))


def _fields(content: Content) -> dict[bytes, object]:
    if isinstance(content, dict):
        return dict(content)
    if content and isinstance(content[0], tuple):
        return dict(content)
    return {b"%d" % index: element for index, element in enumerate(content)}


def _summary(content: Content) -> str | None:
    return counted(len(content), "element") if content else None


def _shown(value: object) -> str | None:
    if value is None:
        return None
    text = text_of(value) if isinstance(value, bytes) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"
