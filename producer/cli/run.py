"""`producer run`: a command run as a child, and recorded."""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import Annotated

import typer

from producer.cli.options import Namespace, Url

__all__ = ["run"]


def run(
    command: Annotated[
        list[str],
        typer.Argument(metavar="COMMAND", help="The command and its arguments, best after `--`."),
    ],
    action: Annotated[str, typer.Option(metavar="NAME", help="The action that this is a run of.")],
    source: Annotated[
        str, typer.Option(metavar="WHO", help="What triggered it: cron:nightly, watcher:disk, …")
    ] = "manual",
    execution_type: Annotated[
        str, typer.Option("--type", metavar="WORD", help="command, task, rules, none, or any word.")
    ] = "command",
    execution_id: Annotated[
        str | None, typer.Option(metavar="ID", help="A name for this run. [default: made up]")
    ] = None,
    no_output: Annotated[
        bool,
        typer.Option("--no-output", help="Let the command have stdout and stderr as they are; record no output."),
    ] = False,
    url: Url = None,
    namespace: Namespace = None,
) -> None:
    """Run a command, and record its start and its end.

    Exits as the command does: with its status, 128 + n for signal n, 127 if it is not found, 126 if it cannot be
    executed; whether or not it could be recorded.
    """
    from producer.child import hold_signals
    from producer.child import run as run_child
    from producer.cli.recording import Recording
    from producer.operations import OUTPUT_BYTES

    recording = Recording(
        action,
        source=source,
        execution_type=execution_type,
        execution_id=secrets.token_hex(8) if execution_id is None else execution_id,
        say=_say,
    )
    signals = hold_signals()  # before the start is recorded: from there on, nothing may end us before the end is
    recording.open(url, namespace)
    recording.started()
    ended = run_child(command, signals, keep=None if no_output else OUTPUT_BYTES)
    if not ended.ran and ended.error is not None:
        _say(ended.error)
    recording.completed(ended)
    raise typer.Exit(ended.status)


def _say(text: str) -> None:
    # In one write, since the command writes there too; and if nobody can hear it, the command's status still counts.
    with contextlib.suppress(OSError):
        os.write(2, f"producer: {text}\n".encode(errors="replace"))
