"""The address of several logs: `--url`, and `--namespace` as often as one likes."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature
from typing import Annotated, Any

import typer

from producer.errors import WalError
from producer.terminal.options import OptionGroup, ServerAddress
from producer.wal import DEFAULT_NAMESPACE

_Names = Annotated[
    list[str],
    typer.Option(
        "--namespace",
        envvar="WAL_NAMESPACE",
        metavar="NAME",
        show_default=DEFAULT_NAMESPACE,
        help="A namespace, with all its partitions, or a glob such as 'team-*'; may be given several times.",
    ),
]
_Only = Annotated[
    list[str],
    typer.Option(
        "--namespace",
        metavar="NAME",
        show_default="all",
        help="Only this namespace, with all its partitions, or those that a glob takes; may be given several times.",
    ),
]


@dataclass(frozen=True, slots=True)
class LogAddresses(ServerAddress):
    """What `--namespace` says, each time that it was given: names and globs."""

    namespace: _Names = (DEFAULT_NAMESPACE,)  # type: ignore[assignment]  # no default may be a list

    @property
    def told(self) -> str:
        """As a message names them."""
        return ", ".join(self.namespace)

    def found(self, *, unless: tuple[type[WalError], ...] = ()) -> list[str]:
        """The namespaces that are meant; the arguments, and what is raised, are as those of `names_at`."""
        from projector.namespaces.readers import names_at

        return names_at(self.location.url, self.namespace, unless=unless)


def _of(*, only: _Only = ("*",), **address: Any) -> LogAddresses:  # type: ignore[assignment]  # as above
    return LogAddresses(**address, namespace=only)


Logs = Annotated[
    LogAddresses, OptionGroup(LogAddresses, tuple(signature(LogAddresses, eval_str=True).parameters.values()))
]
"""The namespaces that are meant."""
EveryLog = Annotated[
    LogAddresses,
    OptionGroup(
        _of,
        (
            *signature(ServerAddress, eval_str=True).parameters.values(),
            signature(_of, eval_str=True).parameters["only"],
        ),
    ),
]
"""All namespaces of the server, unless the command line names some: neither a variable nor a settings file does."""
