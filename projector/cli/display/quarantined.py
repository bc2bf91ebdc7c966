"""Entries of the quarantine as a table and as a page."""

from __future__ import annotations

from collections.abc import Sequence

from projector.cli.display.durations import ago, clock_time
from projector.cli.display.page import page, page_console
from projector.cli.display.tables import QUARANTINE, pairs, table_of
from projector.cli.display.visible import visible
from projector.quarantine import QuarantinedEntry, QuarantinedField


def entries_page(entries: Sequence[QuarantinedEntry], *, size: int, now: int) -> str:
    """`entries`, which are the latest of `size`, a line each."""
    table = table_of(QUARANTINE, entries, now=now, width=page_console().width)
    more = [f"and {size - len(entries):,} more: --limit {size}"] if size > len(entries) else []
    return page(table, *more)


def entry_page(entry: QuarantinedEntry, *, now: int) -> str:
    """All that is known of one entry, its fields last."""
    rows = [
        ("Entry", entry.entry_id),
        ("Reason", visible(entry.reason)),
        ("When", f"{ago(entry.at, now)}, {clock_time(entry.at)}"),
        ("By", visible(entry.by or "–")),
        ("Number", visible(entry.seq or "–")),
    ]
    fields = [(visible(_text(field.name)), _shown(field)) for field in entry.fields]
    if entry.more_fields:
        fields.append(("…", f"and {entry.more_fields:,} more fields, which were not kept"))
    return page(pairs(rows), "", pairs(fields))


def _shown(field: QuarantinedField) -> str:
    text = visible(_text(field.value))
    return f"{text} … ({field.length:,} bytes, of which {len(field.value):,} were kept)" if field.is_cut else text


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")
