"""The options that commands of `projector` share."""

from __future__ import annotations

from dataclasses import fields
from inspect import Parameter
from typing import Annotated, Any

import typer

from producer.terminal.option_group import OptionGroup, option
from projector.bounds import Bounds

LeaseTtl = Annotated[
    float,
    typer.Option(
        "--lease-ttl", envvar="WAL_LEASE_TTL", help="Seconds after which a standby takes over from a dead projector."
    ),
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=0, help="How many at most, the latest first.")]

_HELP = {
    "max_entries": "Records in each of executions, failures, cleanups.",
    "max_action_entries": "Records of each action.",
    "max_in_flight": "Runs in flight, and as many orphans.",
    "max_actions": "Actions with statistics.",
    "max_scanners": "Scanners with statistics.",
    "max_producers": "Producers whose numbers are remembered.",
    "max_gaps": "Open gaps of one producer.",
    "max_quarantine": "Entries in the quarantine.",
}


def _bound(name: str, default: int | None) -> Parameter:
    """`--max-entries` and `WAL_MAX_ENTRIES` for the field `max_entries` of Bounds."""
    info = typer.Option(
        f"--{name.replace('_', '-')}",
        envvar=f"WAL_{name.upper()}",
        min=1,
        max=10_000_000,
        help=_HELP[name],
        rich_help_panel="Bounds of the projection",
        show_default="as they are" if default is None else True,
    )
    kind: Any = int if default is not None else int | None
    return option(name, Annotated[kind, info], default)


def _given(**bounds: int | None) -> dict[str, int]:
    return {name: bound for name, bound in bounds.items() if bound is not None}


BoundOptions = Annotated[Bounds, OptionGroup(Bounds, tuple(_bound(f.name, f.default) for f in fields(Bounds)))]
"""An option for each bound of a projection."""
ChangedBounds = Annotated[dict[str, int], OptionGroup(_given, tuple(_bound(f.name, None) for f in fields(Bounds)))]
"""The same options; the command gets those bounds that were given, by name."""
