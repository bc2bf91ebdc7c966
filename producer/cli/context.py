"""What the commands record of the one who runs them: host, user and directory as labels, and the command line."""

from __future__ import annotations

import os
import pwd
import re
import shlex
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from inspect import signature
from typing import Annotated

import typer

from producer.terminal.options import OptionGroup
from producer.text.truncation import truncate

EXECUTION_ID_VARIABLE = "WAL_EXECUTION_ID"
"""By it a command that `producer run` runs knows the name of its run."""


Labels = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="NAME=VALUE", help="Say who or what, in words of yours; repeatable."),
]


def labels_of(label: Iterable[str] | None) -> dict[str, str]:
    """What `--label` says, each time it is given. Raises typer.BadParameter; the contract judges names and values."""
    for text in label or ():
        if "=" not in text:
            raise typer.BadParameter(f"expected NAME=VALUE, found {text!r}", param_hint="--label")
    return dict(text.split("=", 1) for text in label or ())


@dataclass(frozen=True, slots=True)
class Context:
    """What `--label` and `--no-context` say."""

    label: Labels = None
    no_context: Annotated[
        bool,
        typer.Option("--no-context", help="Record no host, user, directory, command line or exit status by itself."),
    ] = False

    @property
    def labels(self) -> dict[str, str]:
        """The labels to record: those that were given, and of what was found out as many as there is room for."""
        from producer.operations import MAX_LABELS

        given = labels_of(self.label)
        found = {} if self.no_context else surroundings()
        room = max(0, MAX_LABELS - len(given))
        return dict([each for each in found.items() if each[0] not in given][:room]) | given


WithContext = Annotated[Context, OptionGroup(Context, tuple(signature(Context, eval_str=True).parameters.values()))]


def surroundings() -> dict[str, str]:
    """The labels `host`, `user` and `cwd`, as far as they can be found out, each cut to its end."""
    from producer.operations import LABEL_BYTES

    found: dict[str, str] = {}
    sources: dict[str, Callable[[], str]] = {
        "host": lambda: os.uname().nodename,
        "user": lambda: pwd.getpwuid(os.geteuid()).pw_name,
        "cwd": os.getcwd,
    }
    for name, source in sources.items():
        with suppress(OSError, KeyError):  # a directory that is gone, a number that no account has
            if value := source():
                found[name] = truncate(value, LABEL_BYTES)
    return found


def command_line(words: Iterable[str]) -> str:
    """`words` as they are for a shell: of `NAME=VALUE` just the value is quoted, so that it is redacted whole."""
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    named = re.match(r"[\w-]+=(?=.)", word, re.ASCII | re.DOTALL)
    return named[0] + shlex.quote(word[named.end() :]) if named else shlex.quote(word)
