"""JSON read by the letter of RFC 8259, within bounds of our own, whatever a library lets pass."""

import json
import re
from typing import Any

from producer.errors import InvalidOperation

MAX_FIELDS = 100
"""The most fields of the outermost object."""
MAX_DEPTH = 100
"""How deep lists and objects may be nested. Each parser has a limit of its own (serde_json's is 128)."""

# The last quote may be missing: a pattern that failed there would try again from each quote within, and take hours.
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_BRACKET = re.compile(rb"[][{}]")
_LONGEST_NUMBER = 60
"""Digits. A longer number is cut: it is out of all bounds either way, and Python refuses to read the longest."""


def value_of(raw: bytes, *, strict: str) -> Any:
    """The value of the JSON in `raw`, usually a dict. Of a name that an object within it has twice, the last counts.

    Raises InvalidOperation if `raw` is no JSON in UTF-8 or nested too deep, if the outermost object has more than
    MAX_FIELDS fields, or if it or the object in its field `strict` has a name twice.
    """
    if _depth(raw) > MAX_DEPTH:
        raise InvalidOperation("", f"JSON of at most {MAX_DEPTH} levels", "a deeper one")
    outermost = 0
    repeated: list[tuple[dict[str, Any], str]] = []
    escaped = b"\\u" in raw

    def keep(found: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal outermost
        outermost = len(found)  # the outermost object comes last
        if escaped:
            json.dumps(found, ensure_ascii=False).encode()  # ValueError: a lone surrogate is no text
        fields: dict[str, Any] = {}
        for name, field in found:
            if name in fields:
                repeated.append((fields, name))
            fields[name] = field
        return fields

    def integer(digits: str) -> int:
        return int(digits[:_LONGEST_NUMBER])

    try:
        # NaN and Infinity go to parse_constant: int raises ValueError for them.
        value = json.loads(raw.decode(), object_pairs_hook=keep, parse_int=integer, parse_constant=int)
    except ValueError:
        raise InvalidOperation("", "JSON", "text that is no JSON in UTF-8") from None
    if not isinstance(value, dict):
        return value
    if outermost > MAX_FIELDS:
        raise InvalidOperation("", f"at most {MAX_FIELDS} fields", f"{outermost}")
    for fields, name in repeated:
        if fields is value:
            raise InvalidOperation(brief(name), "the field once", "it repeated")
        if fields is value.get(strict):
            raise InvalidOperation(strict, "each name once", f"{json.dumps(brief(name))} repeated")
    return value


def _depth(raw: bytes) -> int:
    """How deep lists and objects are nested; 0 if too few of them are there to be too deep."""
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", raw)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def brief(text: str) -> str:
    """At most 40 characters of `text`."""
    return text if len(text) <= 40 else f"{text[:40]}…"
