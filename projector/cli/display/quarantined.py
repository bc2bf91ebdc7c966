"""Entries of the quarantine as a table and as a page."""

from collections.abc import Sequence

from producer.text.wording import counted
from projector.cli.display.page import page, page_console
from projector.cli.display.tables import QUARANTINE, pairs, table_of
from projector.cli.display.wording import visible, when
from projector.cli.options import View
from projector.quarantine import QuarantinedEntry, QuarantinedField


def entries_page(entries: Sequence[QuarantinedEntry], *, size: int, view: View) -> str:
    """`entries`, which are the latest of `size`, a line each."""
    console = page_console(view)
    table = table_of(QUARANTINE, entries, view, width=console.width)
    more = [f"and {size - len(entries):,} more: --limit {size}"] if size > len(entries) else []
    return page(table, *more, console=console)


def entry_page(entry: QuarantinedEntry, view: View) -> str:
    """All that is known of one entry, its fields last."""
    facts = pairs(
        ("Entry", entry.entry_id),
        ("Reason", visible(entry.reason)),
        ("When", when(entry.at, view)),
        ("By", visible(entry.by or "–")),
        ("Number", visible(entry.seq or "–")),
    )
    more = f"and {counted(entry.more_fields, 'more field')}, not kept" if entry.more_fields else None
    fields = pairs(*((visible(field.name), _shown(field)) for field in entry.fields), ("…", more))
    return page(facts, "", fields)


def _shown(field: QuarantinedField) -> str:
    text = visible(field.value)
    return f"{text} … ({field.length:,} bytes, of which {len(field.value):,} were kept)" if field.is_cut else text
