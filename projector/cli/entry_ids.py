"""Ids of entries as arguments of a command."""

import re

import typer

from projector.cli.display.wording import visible

_ENTRY_ID = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")


def check_entry_ids(*entry_ids: str) -> list[str]:
    """`entry_ids`, each once. Raises typer.BadParameter for a text that is no entry id."""
    for entry_id in entry_ids:
        if not _ENTRY_ID.fullmatch(entry_id):
            raise typer.BadParameter(f"expected an entry id, <milliseconds>-<number>, found {visible(entry_id)}")
    return list(dict.fromkeys(entry_ids))
