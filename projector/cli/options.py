"""The options that commands share."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Annotated, Any

import typer

from projector.bounds import Bounds

__all__ = ["LeaseTtl", "Namespace", "Url", "bounded", "bounds_changed"]

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="WAL_URL",
        show_default="the embedded server if one is running, else redis://localhost:6379/0",
        help="Where Redis is: redis://, rediss://, unix:// or sentinel://.",
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
    return _with_options(
        command, "bounds", lambda given: Bounds(**given), {f.name: f.default for f in fields(Bounds)}
    )


def bounds_changed(command: Callable[..., None]) -> Callable[..., None]:
    """The same for a command that takes `changes`: the bounds that were given, by name."""
    unset = dict.fromkeys(f.name for f in fields(Bounds))
    return _with_options(
        command, "changes", lambda given: {name: bound for name, bound in given.items() if bound is not None}, unset
    )


def _with_options(
    command: Callable[..., None],
    replaced: str,
    collect: Callable[[dict[str, Any]], object],
    defaults: Mapping[str, Any],
) -> Callable[..., None]:
    @functools.wraps(command)
    def with_options(**arguments: Any) -> None:
        given = {name: arguments.pop(name) for name in defaults}
        command(**arguments, **{replaced: collect(given)})

    signature = inspect.signature(command, eval_str=True)
    kept = [parameter for name, parameter in signature.parameters.items() if name != replaced]
    parameters = [*kept, *(_option(name, default) for name, default in defaults.items())]
    with_options.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    with_options.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return with_options


def _option(name: str, default: int | None) -> inspect.Parameter:
    option = typer.Option(
        f"--{name.replace('_', '-')}",
        envvar=f"WAL_{name.upper()}",
        min=1,
        max=10_000_000,
        help=_HELP[name],
        rich_help_panel="Bounds of the projection",
        show_default=True if default is not None else "as they are",
    )
    annotation: Any = Annotated[int, option] if default is not None else Annotated[int | None, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
