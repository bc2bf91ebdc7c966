"""`producer run`: a command run as a child, and recorded."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from producer.cli.context import EXECUTION_ID_VARIABLE, WithContext, command_line
from producer.cli.options import ExecutionType, Partitions, Source, Spool
from producer.terminal.options import Log

if TYPE_CHECKING:
    from producer.text.redaction import Redact


def run(
    command: Annotated[
        list[str],
        typer.Argument(metavar="COMMAND", help="The command and its arguments, best after `--`."),
    ],
    action: Annotated[str, typer.Option(metavar="NAME", help="The action that this is a run of.")],
    source: Source = "manual",
    execution_type: ExecutionType = "command",
    execution_id: Annotated[
        str | None, typer.Option(metavar="ID", help="A name for this run.", show_default="made up")
    ] = None,
    attempt: Annotated[int | None, typer.Option(metavar="N", help="Which attempt this is, from 1.")] = None,
    no_output: Annotated[
        bool,
        typer.Option("--no-output", help="Let the command have stdout and stderr as they are; record no output."),
    ] = False,
    redact: Annotated[
        list[str] | None,
        typer.Option(metavar="REGEX", help="Record [redacted] in the place of what this matches; repeatable."),
    ] = None,
    no_redact: Annotated[
        bool, typer.Option("--no-redact", help="Record also what looks like a password, token or key.")
    ] = False,
    spool: Spool = None,
    partitions: Partitions = None,
    print_id: Annotated[
        bool, typer.Option("--print-id", help="Print the name of this run on stderr, before the command starts.")
    ] = False,
    *,
    who: WithContext,
    log: Log,
) -> None:
    """Run a command, and record its start and its end.

    Exits as the command does: with its status, 128 + n for signal n, 127 if it is not found, 126 if it cannot be
    executed; whether or not it could be recorded. What looks like a password or token is redacted there. While Redis
    is away the record waits in the spool, for the next run or `producer flush`.

    Example: producer run --action hello -- echo hi
    """
    from producer.cli.recording import Recording
    from producer.command.child import run as run_child
    from producer.command.signals import hold_signals
    from producer.execution.trace_context import VARIABLE, within
    from producer.operations import OUTPUT_BYTES, TEXT_BYTES
    from producer.text.redaction import redacted_beginning, redacted_end

    redaction = _redaction(redact or [], no_redact)
    execution_id = secrets.token_hex(8) if execution_id is None else execution_id
    recording = Recording(
        action,
        source=source,
        execution_type=execution_type,
        execution_id=execution_id,
        command=None if who.no_context else redacted_beginning(command_line(command), TEXT_BYTES, redaction),
        attempt=attempt,
        labels=within(os.environ.get(VARIABLE, ""), who.labels),
        say=_say,
    )
    signals = hold_signals()  # before the start is recorded: from there on, nothing may end us before the end is
    recording.open(log, spool=spool, partitions=partitions)
    recording.started()
    if print_id:
        _say(f"this run is {execution_id}")
    ended = run_child(
        command,
        signals,
        keep=None if no_output else OUTPUT_BYTES,
        redact=redaction,
        variables={EXECUTION_ID_VARIABLE: execution_id},
    )
    if ended.error is not None:
        if not ended.ran:
            _say(ended.error)
        # It may name a command that was not found; the output is redacted already.
        ended = replace(ended, error=redacted_end(ended.error, TEXT_BYTES, redaction))
    recording.completed(ended, exit_code=None if who.no_context else ended.status)
    raise typer.Exit(ended.status)


def _redaction(regexes: list[str], no_redact: bool) -> Redact | None:
    """What takes secrets out of the record. Raises typer.BadParameter before the command has run."""
    from producer.text.redaction import redactor

    if no_redact and not regexes:
        return None
    try:
        return redactor(*regexes, secrets=not no_redact)
    except re.error as error:
        raise typer.BadParameter(f"{error.pattern!r}: {error}", param_hint="--redact") from None


def _say(text: str) -> None:
    # In one write, since the command writes there too; and if nobody can hear it, the command's status still counts.
    with contextlib.suppress(OSError):
        os.write(2, f"producer: {text}\n".encode(errors="replace"))
