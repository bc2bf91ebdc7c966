"""The sieve: which entries of a page may be wanted, judged by their bytes, so that few have to be decoded.

It lets through whatever a filter wants, and more. A text stands in JSON as it is, or its letters are escaped by
`\\u`; only quotation marks, slashes, backslashes and control characters have other escapes. So the sieve looks for a
piece without those, and lets through every operation in which `\\u` stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from producer.wal import BY, OP
from projector.search.filter import GLOBS, ORPHANED, Filter

Sieve = Callable[[list[bytes]], bool]
"""Whether the entry with these names and values may be wanted."""

_WILD = re.compile(r"[*?]|\[.*", re.DOTALL)
"""Behind a bracket nothing is taken for a literal."""
_ESCAPED = re.compile(r'["/\\\x00-\x1f]')


def sieve_of(where: Filter) -> Sieve | None:
    """None where nothing can be told from bytes."""
    needles = _needles(where)
    outcomes = {True: (b"true",), False: (b"false", ORPHANED.encode()), None: ()}[where.success]
    host = b"" if where.host is None else _of_glob(where.host).strip(b'"')
    folded = b"" if where.grep is None else _longest(_ESCAPED.split(where.grep.casefold()))
    if not (needles or outcomes or host or folded):
        return None

    def may_be_wanted(fields: list[bytes]) -> bool:
        if fields[0] != OP or (host and fields[2:3] != [BY]):
            return True
        raw = fields[1]
        for needle in needles:
            if needle not in raw:
                return b"\\u" in raw
        if outcomes and outcomes[0] not in raw and outcomes[-1] not in raw:
            return b"\\u" in raw
        if host and host not in raw and host not in fields[3]:
            return b"\\u" in raw
        # A letter beyond ASCII may be one within it, where upper and lower case are the same.
        return not folded or folded in raw.lower() or not raw.isascii() or b"\\u" in raw

    return may_be_wanted


def _needles(where: Filter) -> list[bytes]:
    """Of each text that has to be there the longest piece."""
    globs = (getattr(where, name) for name in GLOBS)
    found = [_of_glob(glob) for glob in globs if glob is not None]
    found += [_longest(_ESCAPED.split(word)) for label in where.labels.items() for word in label]
    if where.type is not None:
        found.append(b'"%b"' % where.type.encode())
    if where.longer_than_ms is not None:
        found.append(b'"duration_ms"')
    return [needle for needle in found if needle.strip(b'"')]


def _of_glob(glob: str) -> bytes:
    pieces = [piece for literal in _WILD.split(glob) for piece in _ESCAPED.split(literal)]
    pieces[0] = f'"{pieces[0]}'  # where the string begins and ends in JSON
    pieces[-1] = f'{pieces[-1]}"'
    return _longest(pieces)


def _longest(pieces: list[str]) -> bytes:
    return max(pieces, key=len).encode("utf-8", "surrogatepass")
