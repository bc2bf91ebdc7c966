"""`producer started`, `completed` and `cleanup`: single operations, recorded from shell scripts."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from producer.cli.options import Namespace, Url, open_producer

__all__ = ["cleanup", "completed", "started"]

_Action = Annotated[str, typer.Argument(metavar="ACTION", help="The action that was run.")]
_ExecutionId = Annotated[
    str | None, typer.Option(metavar="ID", help="The name of this run, the same for its start and its end.")
]
_At = Annotated[int | None, typer.Option(metavar="MS", help="When, in epoch milliseconds. [default: now]")]
_Success = Annotated[bool, typer.Option("--success/--failure", help="How it went.")]
_Error = Annotated[str | None, typer.Option(metavar="TEXT", help="What went wrong.")]

_STDIN = "@-"


def started(
    action: _Action,
    source: Annotated[
        str, typer.Option(metavar="WHO", help="What triggered it: cron:nightly, watcher:disk, …")
    ] = "manual",
    execution_type: Annotated[
        str, typer.Option("--type", metavar="WORD", help="command, task, rules, none, or any word.")
    ] = "command",
    execution_id: _ExecutionId = None,
    at: _At = None,
    url: Url = None,
    namespace: Namespace = None,
) -> None:
    """Record that a run of an action has started."""
    with open_producer(url, namespace) as producer:
        receipt = producer.action_execution_started(action, source, execution_type, execution_id=execution_id, at=at)
    typer.echo(receipt.entry_id)


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
    url: Url = None,
    namespace: Namespace = None,
) -> None:
    """Record that a run of an action has ended."""
    with open_producer(url, namespace) as producer:
        receipt = producer.action_execution_completed(
            action,
            success,
            output=_tail_of_stdin() if output == _STDIN else output,
            error=error,
            duration_ms=duration_ms,
            execution_id=execution_id,
            at=at,
        )
    typer.echo(receipt.entry_id)


def cleanup(
    scanner: Annotated[str, typer.Argument(metavar="SCANNER", help="The scanner that cleaned up.")],
    resource: Annotated[str, typer.Argument(metavar="RESOURCE", help="lock:deploy, worktree:/path, …")],
    action: Annotated[str, typer.Argument(metavar="ACTION", help="delete, release, archive, fail, dead_letter, …")],
    success: _Success,
    error: _Error = None,
    at: _At = None,
    url: Url = None,
    namespace: Namespace = None,
) -> None:
    """Record that a scanner cleaned something up."""
    with open_producer(url, namespace) as producer:
        receipt = producer.cleanup_executed(scanner, resource, action, success, error=error, at=at)
    typer.echo(receipt.entry_id)


def _tail_of_stdin() -> str:
    """As much of stdin as a record holds, however much there is."""
    from producer.operations import OUTPUT_BYTES
    from producer.output import Tail

    tail = Tail(OUTPUT_BYTES)
    while chunk := os.read(0, 1 << 16):
        tail.append(chunk)
    return tail.text()
