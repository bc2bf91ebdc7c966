"""Ids of entries as arguments of a command."""

import typer

from projector.cli.display.wording import visible
from projector.entry_id import is_entry_id


def check_entry_ids(*entry_ids: str) -> list[str]:
    """`entry_ids`, each once. Raises typer.BadParameter for a text that is no entry id."""
    for entry_id in entry_ids:
        if not is_entry_id(entry_id):
            raise typer.BadParameter(f"expected an entry id, <milliseconds>-<number>, found {visible(entry_id)}")
    return list(dict.fromkeys(entry_ids))
