"""Which run somebody means by an execution id, the beginning of one, or an action."""

from collections.abc import Sequence
from typing import TypeVar

from projector.errors import ProjectorError
from projector.records import ActionExecutionRecord, InFlightRecord

_LISTED = 10
"""Runs that a message names."""
_COUNTED = 100
"""Runs that a message counts: a look-up in the log ends after more."""

Run = TypeVar("Run", bound=ActionExecutionRecord | InFlightRecord)


def named(wanted: str, runs: Sequence[Run]) -> Run | None:
    """Of `runs`, the newest first, the newest of the one that has `wanted` as its execution id, or else as the
    beginning of it, or that has no execution id and is of the action `wanted`, or is of the entry `wanted`. None: no
    run.

    Raises ProjectorError, which lists them, if these are several: by their entries if they have an id in common, with
    their namespaces if they are in several.
    """
    of_several = len({run.namespace for run in runs}) > 1

    def name_of_one(run: Run) -> str:
        return f"{name_of(run)} in {run.namespace}" if of_several else name_of(run)

    found = {name_of_one(run): run for run in reversed(runs) if wanted == _id_of(run)}
    if not found:
        found = {name_of_one(run): run for run in reversed(runs) if wanted == run.entry_id}
    if not found:
        found = {name_of_one(run): run for run in reversed(runs) if (run.execution_id or "").startswith(wanted)}
    if len(found) > 1:
        count, more = str(len(found)), f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
        if len(found) > _COUNTED:
            count, more = f"more than {_COUNTED}", " and more"
        advice, names = "; name one by its whole id", sorted(found)
        if len(set(map(_id_of, found.values()))) < len(found):
            advice, names = "; name one by its entry id", [f"{found[name].entry_id} ({name})" for name in names]
        listed = ", ".join(names[:_LISTED])
        raise ProjectorError(f"{said(wanted)} names {count} runs: {listed}{more}{advice}")
    return next(iter(found.values()), None)


def _id_of(run: ActionExecutionRecord | InFlightRecord) -> str:
    return run.execution_id or run.action_id


def name_of(run: ActionExecutionRecord | InFlightRecord) -> str:
    """As a message names it."""
    action = said(run.action_id)
    return action if run.execution_id is None else f"{said(run.execution_id)} of {action}"


def said(name: str) -> str:
    """`name` in a message: quoted and escaped if it has characters that no one sees."""
    return name if name.isprintable() else repr(name)
