"""Entries that could not be folded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from projector.answers.documents.answer import Answer
from projector.errors import ProjectorError, command_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from projector.quarantine import Quarantine
    from projector.quarantine.entry import QuarantinedEntry


def entry_of(opened: Quarantine, entry_id: str, namespace: str) -> QuarantinedEntry:
    """The entry of the quarantine of `namespace`. Raises ProjectorError if it is not there."""
    entry = opened.get(entry_id)
    if entry is None:
        raise ProjectorError(
            f"entry {entry_id} is not in the quarantine of namespace {namespace}; "
            f"those that are: {command_for(namespace, 'quarantine list')}"
        )
    return entry


def list_answer(entries: Sequence[QuarantinedEntry]) -> Answer:
    from projector.documents import document

    return Answer(document("quarantine-list", entries))


def entry_answer(entry: QuarantinedEntry) -> Answer:
    from projector.documents import document

    return Answer(document("quarantine-show", entry))
