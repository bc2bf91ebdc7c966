"""JSON read by the letter of RFC 8259, whatever a library lets pass: each name once, and no more than we allow."""

from __future__ import annotations

import json
import re
from typing import Any

from producer.errors import InvalidOperation

__all__ = ["MAX_DEPTH", "MAX_FIELDS", "brief", "object_of"]

MAX_FIELDS = 100
"""The most fields of the outermost object."""
MAX_DEPTH = 200
"""How deep lists and objects may stand in each other: what a parser of any language reads."""

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKET = re.compile(rb"[][{}]")
_LONGEST_NUMBER = 60
"""Digits. A longer one is cut: it is out of all bounds either way, and Python refuses to read the longest."""


def object_of(raw: bytes) -> Any:
    """The value that `raw` is; usually a dict. Raises InvalidOperation for what is no JSON in UTF-8, and for an
    object with a repeated name or more than MAX_FIELDS fields."""
    if _depth(raw) > MAX_DEPTH:
        raise InvalidOperation("", f"JSON of at most {MAX_DEPTH} levels", "a deeper one")
    pairs: list[tuple[str, Any]] = []

    def keep(found: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal pairs
        pairs = found  # the outermost object comes last
        return dict(found)

    try:
        value = json.loads(raw.decode(), object_pairs_hook=keep, parse_int=_integer, parse_constant=_refuse_constant)
        if b"\\u" in raw:
            json.dumps(value, ensure_ascii=False).encode()  # an escaped lone surrogate is no text
    except ValueError:
        raise InvalidOperation("", "JSON", "text that is no JSON in UTF-8") from None
    if isinstance(value, dict):
        _check_names(pairs)
    return value


def _check_names(pairs: list[tuple[str, Any]]) -> None:
    if len(pairs) > MAX_FIELDS:
        raise InvalidOperation("", f"at most {MAX_FIELDS} fields", f"{len(pairs)}")
    seen = set()
    for name, _ in pairs:
        if name in seen:
            raise InvalidOperation(brief(name), "the field once", "it repeated")
        seen.add(name)


def _depth(raw: bytes) -> int:
    """How deep lists and objects stand in each other, at least where that is too deep."""
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", raw)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _integer(text: str) -> int:
    return int(text[:_LONGEST_NUMBER])


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def brief(text: str) -> str:
    """At most 40 characters of it."""
    return text if len(text) <= 40 else f"{text[:40]}…"
