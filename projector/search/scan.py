"""The scan: the entries of a page that a filter wants, found in three steps of which each lets fewer through.

The sieve looks at bytes. What it lets through is decoded in part: the fields that the filter asks about, and no check
of the others. Only what is wanted then is read as strictly as the fold reads it, and judged again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from producer.log import Entry
from producer.wal import BY, OP
from projector.fold.entry import Entry as Read
from projector.fold.entry import read_entry
from projector.search.filter import GLOBS, TEXTS, Filter
from projector.search.sieve import sieve_of

_TEXT = str | None
_KINDS: dict[str, Any] = {"success": bool | None, "duration_ms": int | None, "labels": dict[str, str] | None}


class Scan:
    """Finds what `where` wants."""

    def __init__(self, where: Filter) -> None:
        self._asks = where != Filter()
        self._asks_for_host = where.host is not None
        self._sieve = sieve_of(where)
        self._test = where.test()
        self._part_of = _part_decoder(where)

    def of_page(self, page: list[Entry]) -> Iterator[Read]:
        """Those of the entries that are wanted, in their order, read strictly."""
        sieve = self._sieve
        for entry_id, fields in page:
            if (sieve is None or sieve(fields)) and (not self._asks or self._may_be_wanted(fields)):
                read = read_entry(entry_id, fields)
                if not self._asks or self._test(read.operation, read.by):
                    yield read

    def _may_be_wanted(self, fields: list[bytes]) -> bool:
        if fields[0] != OP:
            return True
        try:
            part = self._part_of(fields[1])
        except (ValueError, RecursionError):
            return True  # the strict reader says why
        by = _by_of(fields) if self._asks_for_host else None
        return self._test(part, by)


def _part_decoder(where: Filter) -> Callable[[bytes], Any]:
    names = {"type"} | {field for name in GLOBS if getattr(where, name) is not None for field in GLOBS[name]}
    names |= {"success"} if where.success is not None else set()
    names |= {"labels"} if where.labels or where.host is not None else set()
    names |= {"duration_ms"} if where.longer_than_ms is not None else set()
    names |= set(TEXTS) if where.grep is not None else set()
    fields = [(name, _KINDS.get(name, _TEXT), None) for name in sorted(names)]
    return msgspec.json.Decoder(msgspec.defstruct("Part", fields, gc=False)).decode


def _by_of(fields: list[bytes]) -> str | None:
    by = fields[3] if fields[2:3] == [BY] else dict(zip(fields[::2], fields[1::2], strict=False)).get(BY)
    return None if by is None else by.decode("utf-8", "replace")
