"""The options that commands share."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any

import typer

from projector.bounds import Bounds

__all__ = ["LeaseTtl", "Namespace", "Url", "bounded"]

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="WAL_URL",
        show_default="the embedded server if one is running, else redis://localhost:6379/0",
        help="Where Redis is: redis://, rediss:// or unix://.",
    ),
]
Namespace = Annotated[
    str, typer.Option("--namespace", envvar="WAL_NAMESPACE", help="Which log and projection.", show_default=True)
]
LeaseTtl = Annotated[
    float,
    typer.Option(
        "--lease-ttl", envvar="WAL_LEASE_TTL", help="Seconds after which a standby takes over from a dead projector."
    ),
]

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


def bounded(command: Callable[..., None]) -> Callable[..., None]:
    """Give `command`, which takes `bounds: Bounds`, an option and an environment variable for each bound instead.

    One place for all commands: `--max-entries` and `WAL_MAX_ENTRIES` follow from the field `max_entries`.
    """

    @functools.wraps(command)
    def with_bounds(**arguments: Any) -> None:
        bounds = Bounds(**{field.name: arguments.pop(field.name) for field in fields(Bounds)})
        command(**arguments, bounds=bounds)

    signature = inspect.signature(command, eval_str=True)
    kept = [parameter for name, parameter in signature.parameters.items() if name != "bounds"]
    options = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=Annotated[
                int,
                typer.Option(
                    f"--{field.name.replace('_', '-')}",
                    envvar=f"WAL_{field.name.upper()}",
                    min=1,
                    max=10_000_000,
                    help=_HELP[field.name],
                    rich_help_panel="Bounds (other ones than before need a rebuild)",
                ),
            ],
        )
        for field in fields(Bounds)
    ]
    with_bounds.__signature__ = signature.replace(parameters=[*kept, *options])  # type: ignore[attr-defined]
    with_bounds.__annotations__ = {parameter.name: parameter.annotation for parameter in [*kept, *options]}
    return with_bounds
