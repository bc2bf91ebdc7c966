"""`producer started`, `completed` and `cleanup`: single operations, recorded from shell scripts."""

from __future__ import annotations

import os
from collections.abc import Callable
from operator import methodcaller
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from producer.cli.options import ExecutionType, Source, open_producer, spool_option
from producer.errors import SpoolUnusable, Unavailable
from producer.terminal.options import Log, LogAddress
from producer.terminal.stdout import write

if TYPE_CHECKING:
    from producer.identity import Receipt
    from producer.producer import Producer

_Action = Annotated[str, typer.Argument(metavar="ACTION", help="The action that was run.")]
_ExecutionId = Annotated[
    str | None, typer.Option(metavar="ID", help="The name of this run, the same for its start and its end.")
]
_At = Annotated[int | None, typer.Option(metavar="MS", help="When, in epoch milliseconds. [default: now]")]
_Success = Annotated[bool, typer.Option("--success/--failure", help="How it went.")]
_Error = Annotated[str | None, typer.Option(metavar="TEXT", help="What went wrong.")]
_Spool = Annotated[Path | None, spool_option("Keep it there while Redis is away, for `producer flush`.")]

_STDIN = "@-"
_FLUSH_SECONDS, _ATTEMPTS = 2.0, 2


def started(
    action: _Action,
    source: Source = "manual",
    execution_type: ExecutionType = "command",
    execution_id: _ExecutionId = None,
    at: _At = None,
    spool: _Spool = None,
    *,
    log: Log,
) -> None:
    """Record that a run of an action has started."""
    record = methodcaller(
        "action_execution_started", action, source, execution_type, execution_id=execution_id, at=at
    )
    _record(record, log, spool)


def completed(
    action: _Action,
    success: _Success,
    duration_ms: Annotated[int, typer.Option(metavar="MS", help="How long it took, in milliseconds.")],
    output: Annotated[
        str | None, typer.Option(metavar="TEXT", help=f"What it wrote, or {_STDIN} to read that from stdin.")
    ] = None,
    error: _Error = None,
    execution_id: _ExecutionId = None,
    at: _At = None,
    spool: _Spool = None,
    *,
    log: Log,
) -> None:
    """Record that a run of an action has ended."""
    record = methodcaller(
        "action_execution_completed",
        action,
        success,
        output=_tail_of_stdin() if output == _STDIN else output,
        error=error,
        duration_ms=duration_ms,
        execution_id=execution_id,
        at=at,
    )
    _record(record, log, spool)


def cleanup(
    scanner: Annotated[str, typer.Argument(metavar="SCANNER", help="The scanner that cleaned up.")],
    resource: Annotated[str, typer.Argument(metavar="RESOURCE", help="lock:deploy, worktree:/path, …")],
    action: Annotated[str, typer.Argument(metavar="ACTION", help="delete, release, archive, fail, dead_letter, …")],
    success: _Success,
    error: _Error = None,
    at: _At = None,
    spool: _Spool = None,
    *,
    log: Log,
) -> None:
    """Record that a scanner cleaned something up."""
    record = methodcaller("cleanup_executed", scanner, resource, action, success, error=error, at=at)
    _record(record, log, spool)


def _record(record: Callable[[Producer], Receipt], log: LogAddress, spool: Path | None) -> None:
    """Make the record, and print the id of its entry; of a record that went by a spool, its producer and number."""
    try:
        receipt = _recorded(record, log, spool)
    except SpoolUnusable as unusable:  # nothing was recorded in the spool, but Redis may be there
        try:
            receipt = _recorded(record, log, None)
        except Unavailable:
            typer.echo(f"producer: {unusable}", err=True)
            raise
        typer.echo(f"producer: recorded without a spool: {unusable}", err=True)
    write(f"{receipt.entry_id or f'{receipt.by} {receipt.seq}'}\n")


def _recorded(record: Callable[[Producer], Receipt], log: LogAddress, spool: Path | None) -> Receipt:
    with open_producer(log, spool=spool) as producer:
        receipt = record(producer)
        if spool and not producer.flush(_FLUSH_SECONDS, leftovers=False, attempts=_ATTEMPTS):
            typer.echo(f"producer: it waits in {spool}: {producer.trouble or 'no answer'}", err=True)
            producer.close(timeout=0)
        return receipt


def _tail_of_stdin() -> str:
    """As much of stdin as a record holds, however much there is."""
    from producer.command.output import Tail
    from producer.operations import OUTPUT_BYTES

    tail = Tail(OUTPUT_BYTES)
    while chunk := os.read(0, 1 << 16):
        tail.append(chunk)
    return tail.text()
