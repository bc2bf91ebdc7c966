"""Options that several commands share: a command takes all of a group as one parameter."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class OptionGroup:
    """Annotates a command's parameter: `log: Annotated[LogAddress, OptionGroup(LogAddress, …)]`.

    `collect` makes the parameter's value of the values of `options`, which it takes by name.
    """

    collect: Callable[..., object]
    options: tuple[inspect.Parameter, ...]


def option(name: str, annotation: Any, default: object) -> inspect.Parameter:
    """An option as Typer reads it off a function: `annotation` is an `Annotated[…, typer.Option(…)]`."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """`command` for Typer: each parameter that an OptionGroup annotates is replaced by the options of the group."""
    groups: dict[str, OptionGroup] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
        marks = getattr(parameter.annotation, "__metadata__", ())
        if marks and isinstance(marks[0], OptionGroup):
            groups[name] = marks[0]
            parameters += marks[0].options
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(command)
    def collecting(**values: Any) -> None:
        collected = {
            name: group.collect(**{option.name: values.pop(option.name) for option in group.options})
            for name, group in groups.items()
        }
        command(**values, **collected)

    collecting.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    collecting.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return collecting
