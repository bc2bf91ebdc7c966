"""`projector repartition`: write down how many partitions a namespace has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from producer.partitions.naming import MOST_PARTITIONS, partition_of
from producer.terminal.options import Log
from producer.terminal.stdout import write
from producer.text.wording import counted
from projector.errors import command_for

if TYPE_CHECKING:
    from projector.decisions.repartition import Repartitioned

_NAMED = 5
"""Partitions that the warning names."""


def repartition(
    number: Annotated[
        int,
        typer.Argument(metavar="N", min=1, max=MOST_PARTITIONS, help="How many there are from now on."),
    ],
    *,
    log: Log,
) -> None:
    """Write down how many partitions a namespace has, so that producers with that number can record to them.

    The partitions that there were, and the namespace's own log, are projected and read on. End the engines before, if
    the order of an action's runs matters, and start them with the new number.

    Example: projector repartition 16 --namespace busy
    """
    from projector.decisions.repartition import repartition as write_number

    done = write_number(log.location.url, log.namespace, number)
    write(_report(done))
    if done.changed and done.in_flight:
        typer.echo(_warning(done), err=True)


def _warning(done: Repartitioned) -> str:
    names = sorted(done.in_flight)
    where = ", ".join(names[:_NAMED]) + (", …" if names[_NAMED:] else "")
    runs = counted(sum(done.in_flight.values()), "run is", "runs are")
    return (
        f"warning: {runs} in flight in {where}: their ends may be recorded in another partition than their starts, "
        "where they count without these; such a start stays in flight. Which they are: "
        f"{command_for(done.namespace, 'in-flight')}"
    )


def _report(done: Repartitioned) -> str:
    name = done.namespace
    if not done.changed:
        return f"{name} has {counted(done.number, 'partition')}, as before; {_read(done)}\n"
    before, still = (
        "before none",
        "without partitions that still run go on in its own log, until they are started anew",
    )
    then = f"with partitions={done.number}"
    if done.before:
        before = f"before {done.before:,}"
        still = f"with {done.before:,} partitions that still run go on in these, until they are started anew:"
        then = f"then they are refused unless they have {done.number:,}"
    return (
        f"{name} has {counted(done.number, 'partition')} now ({_span(name, done.number)}), {before}\n"
        f"{_read(done)}\n"
        f"producers {still} {then}\n"
        f"next: end them, and start them with Producer(namespace={name!r}, partitions={done.number}); a projector of "
        f"{name} finds new partitions within 30 s, and where none is active: {command_for(name, 'run')}\n"
    )


def _read(done: Repartitioned) -> str:
    own = f"{done.namespace} itself, " if done.own_log else ""
    return f"projected and read on: {own}{_span(done.namespace, done.read)}"


def _span(name: str, number: int) -> str:
    first, last = partition_of(name, 0), partition_of(name, number - 1)
    return first if number == 1 else f"{first}{' … ' if number > 2 else ' and '}{last}"
