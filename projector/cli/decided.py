"""What the commands share that append decisions to the log: a question before, and what came of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from producer.terminal.exit_status import FAILED
from producer.terminal.options import LONGEST_SECONDS
from producer.terminal.stdout import write
from projector.cli.display.wording import visible
from projector.errors import ProjectorError, command_for

if TYPE_CHECKING:
    from projector.decisions.decision import Attempt, Decisions

Wait = Annotated[
    float,
    typer.Option(
        "--wait",
        metavar="SECONDS",
        min=0.0,
        max=LONGEST_SECONDS,
        help="For the projector to fold what was appended.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def ask(command: str, question: str) -> None:
    """Go on if somebody at the terminal says yes. Raises ProjectorError if there is nobody to ask."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise ProjectorError(
            f"{command} asks first, and there is no terminal to ask on: to {command} without asking add --yes"
        )
    typer.confirm(question, abort=True, err=True)


def report(
    opened: Decisions,
    attempts: Iterable[Attempt],
    wait: float,
    namespace: str,
    *,
    nothing: str,
    done: Callable[[list[Attempt]], str],
) -> None:
    """Say what came of each attempt, or `nothing` if there was none.

    `done` gets the attempts that were appended and folded, and tells what the fold made of them. Exits with FAILED if
    nothing was appended for an attempt.
    """
    from projector.decisions.decision import Folded

    made = []
    for attempt in attempts:
        made.append(attempt)
        outcome = f"left: {visible(attempt.refusal)}" if attempt.refusal else f"appended as {attempt.appended}"
        write(f"{visible(attempt.subject)}  {outcome}\n")
    if appended := [attempt for attempt in made if attempt.appended]:
        match opened.wait(appended, seconds=wait):
            case Folded.NOT_YET:
                status = command_for(namespace, "status")
                write(f"the projector has not come to it within {wait:g} s; how far it is: {status}\n")
            case Folded.NOBODY:
                write(f"no projector is active; it is done as soon as one is: {command_for(namespace, 'run')}\n")
            case Folded.YES:
                write(done(appended))
    elif not made:
        write(nothing)
    if len(appended) < len(made):
        raise typer.Exit(FAILED)
