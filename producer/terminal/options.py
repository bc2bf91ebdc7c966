"""Options that several commands share. A command takes all of a group as one parameter."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from producer.connection.location import PASSWORD_FILE_VARIABLE, URL_VARIABLE, Location, find_server
from producer.connection.url import with_password_file
from producer.errors import WalError
from producer.wal import DEFAULT_NAMESPACE

LONGEST_SECONDS = 86_400.0
"""The most that an option in seconds takes: the operating system waits for no infinite time."""


@dataclass(frozen=True, slots=True)
class OptionGroup:
    """Annotates a command's parameter: `bounds: Annotated[Bounds, OptionGroup(Bounds, …)]`.

    `collect` makes the parameter's value of the values of `options`, which it takes by name. The annotation of an
    option is as Typer wants it: `Annotated[…, typer.Option(…)]`.
    """

    collect: Callable[..., object]
    options: tuple[Parameter, ...]


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """`command` for Typer: each parameter that an OptionGroup annotates is replaced by the options of the group."""
    groups: dict[str, OptionGroup] = {}
    options: list[Parameter] = []
    for name, parameter in signature(command, eval_str=True).parameters.items():
        mark, *_ = getattr(parameter.annotation, "__metadata__", (None,))
        if isinstance(mark, OptionGroup):
            groups[name] = mark
            options += mark.options
        else:
            options.append(parameter)

    @wraps(command)
    def collecting(**values: Any) -> None:
        for name, value in values.items():
            if isinstance(value, float) and math.isnan(value):  # which is within any bounds
                raise typer.BadParameter("expected a number, found nan", param_hint=f"--{name.replace('_', '-')}")
        for name, group in groups.items():
            values[name] = group.collect(**{option.name: values.pop(option.name) for option in group.options})
        try:
            command(**values)
        except WalError as error:
            for address in values.values():
                if isinstance(address, ServerAddress):
                    error.add_note(address.advice(str(error)))
            raise

    collecting.__signature__ = Signature(  # type: ignore[attr-defined]
        [option.replace(kind=Parameter.KEYWORD_ONLY) for option in options]
    )
    collecting.__annotations__ = {option.name: option.annotation for option in options}
    return collecting


Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar=URL_VARIABLE,
        metavar="URL",
        show_default="the embedded server if one is running, else redis://localhost:6379/0",
        help="Where Redis is: redis://, rediss://, unix://, sentinel:// or cluster://.",
    ),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        envvar=PASSWORD_FILE_VARIABLE,
        metavar="FILE",
        help="Holds the password, and is read anew at each connection. The user stands in the URL.",
    ),
]
Namespace = Annotated[
    str,
    typer.Option(
        "--namespace", envvar="WAL_NAMESPACE", metavar="NAME", show_default=True, help="The namespace of the log."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


_SOURCES = {"ENVIRONMENT": URL_VARIABLE, "DEFAULT_MAP": "the settings file"}


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """What `--url` (None: not given) and `--password-file` say."""

    context: typer.Context = field(default=None, kw_only=True, repr=False)  # type: ignore[assignment]
    """Typer gives it, as to any command; None where no command line was read."""
    url: Url = None
    password_file: PasswordFile = field(default=None, kw_only=True)

    @property
    def location(self) -> Location:
        """The server to use: the URL given, an embedded server that runs, or the default."""
        source: Any = self.context and self.context.get_parameter_source("url")
        found = find_server(self.url, os.environ, source=_SOURCES.get(source and source.name, "--url"))
        file = self.password_file
        return replace(found, url=with_password_file(found.url, str(file))) if file else found

    def advice(self, trouble: str) -> str:
        """What to add to a text about trouble with the server: why it was tried, and the next command."""
        from producer.connection.words import ACCOUNT, START, cure_of

        cure, location = cure_of(trouble), self.location
        if cure is None:
            return ""
        if "TLS" in cure and ("rediss://" in cure) == location.url.startswith("rediss://"):
            cure = cure.partition("; ")[0]
        if cure == START and location.how == "default":
            cure = "start one: projector up; or name yours: --url, WAL_URL"
        elif cure == START and location.how == "found":
            cure = "it is starting or ending: try again"
        elif cure == ACCOUNT:
            program = self.context.find_root().info_name
            role = "reader" if program == "projector" and self.context.info_name not in _WRITERS else program
            cure = f"use the {role}'s account: projector acl"
        return f" ({location.why}); {cure}"


_WRITERS = ("run", "rebuild", "retry", "drop", "accept", "once", "restore", "resolve")
"""The commands of `projector` that do more than to read."""


@dataclass(frozen=True, slots=True)
class LogAddress(ServerAddress):
    """What `--namespace` says, too."""

    namespace: Namespace = DEFAULT_NAMESPACE


Address = Annotated[ServerAddress, OptionGroup(ServerAddress, tuple(signature(ServerAddress).parameters.values()))]
Log = Annotated[LogAddress, OptionGroup(LogAddress, tuple(signature(LogAddress).parameters.values()))]
