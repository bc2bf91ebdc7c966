"""`producer started`, `completed` and `cleanup`: single operations, recorded from shell scripts."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from inspect import signature
from operator import methodcaller
from typing import TYPE_CHECKING, Annotated

import typer

from producer.cli.context import EXECUTION_ID_VARIABLE, Labels, WithContext, labels_of
from producer.cli.options import AllowOddTimes, ExecutionType, Partitions, Source, Spool, namespace_of, place_of
from producer.terminal.options import Log, LogAddress, OptionGroup
from producer.terminal.stdout import write
from producer.text.moment import milliseconds_of

if TYPE_CHECKING:
    from producer.identity import Receipt
    from producer.producer import Producer

_Action = Annotated[str, typer.Argument(metavar="ACTION", help="The action that was run.")]
_ExecutionId = Annotated[
    str | None, typer.Option(metavar="ID", help="The name of this run, the same for its start and its end.")
]


def _moment(text: str) -> int:
    """An `--at`, in epoch milliseconds."""
    try:
        is_number = text.removeprefix("-").isdecimal()
        return int(text) if is_number else milliseconds_of("--at", datetime.fromisoformat(text))
    except ValueError:
        expected = "epoch milliseconds, or a time with its zone such as 2026-09-21T14:13:20+02:00"
        raise typer.BadParameter(f"expected {expected}, found {text!r}") from None


_At = Annotated[
    int | None,
    typer.Option(
        parser=_moment,
        metavar="TIME",
        help="When: epoch milliseconds, or as 2026-09-21T14:13:20+02:00.",
        show_default="now",
    ),
]
_Success = Annotated[bool, typer.Option("--success/--failure", help="How it went.")]
_Error = Annotated[str | None, typer.Option(metavar="TEXT", help="What went wrong.")]
_PrintId = Annotated[
    bool,
    typer.Option("--print-id", help="Print the id of the log's entry, or if it waits the producer and its number."),
]


@dataclass(frozen=True, slots=True)
class _Manner:
    """What the options say that all three commands have."""

    allow_odd_times: AllowOddTimes = False
    spool: Spool = None
    partitions: Partitions = None
    print_id: _PrintId = False


_How = Annotated[_Manner, OptionGroup(_Manner, tuple(signature(_Manner, eval_str=True).parameters.values()))]

_STDIN = "@-"


def started(
    action: _Action,
    source: Source = "manual",
    execution_type: ExecutionType = "command",
    execution_id: _ExecutionId = None,
    command: Annotated[str | None, typer.Option(metavar="TEXT", help="The command line, recorded redacted.")] = None,
    attempt: Annotated[int | None, typer.Option(metavar="N", help="Which attempt this is, from 1.")] = None,
    label: Labels = None,
    at: _At = None,
    *,
    how: _How,
    log: Log,
) -> None:
    """Record that a run of an action has started.

    Example: producer started job --execution-id 7
    """
    record = methodcaller(
        "action_execution_started",
        action,
        source,
        execution_type,
        execution_id=execution_id,
        command=command,
        attempt=attempt,
        labels=labels_of(label),
        at=at,
    )
    _record(record, action, log, how)


def completed(
    action: _Action,
    success: _Success,
    duration_ms: Annotated[
        int | None,
        typer.Option(metavar="MS", help="How long it took, in milliseconds.", show_default="since the run's start"),
    ] = None,
    output: Annotated[
        str | None, typer.Option(metavar="TEXT", help=f"What it wrote, or {_STDIN} to read that from stdin.")
    ] = None,
    error: _Error = None,
    execution_id: _ExecutionId = None,
    exit_code: Annotated[int | None, typer.Option(metavar="N", help="The exit status of its command.")] = None,
    label: Labels = None,
    at: _At = None,
    *,
    how: _How,
    log: Log,
) -> None:
    """Record that a run of an action has ended.

    Without a duration, the run's start is looked up in the spool, backwards in the log, and among the runs in flight.
    That takes the right to read them.

    Example: producer completed job --success --duration-ms 250
    """
    if duration_ms is None:
        from producer.cli.lookup import start_of
        from producer.text.truncation import text_of

        run = text_of(action), None if execution_id is None else text_of(execution_id)
        at = int(time.time() * 1000) if at is None else at
        its_log = replace(log, namespace=namespace_of(log, how.partitions, action))
        duration_ms = max(0, at - start_of(run, its_log, place_of(how.spool)))
    record = methodcaller(
        "action_execution_completed",
        action,
        success,
        output=_tail_of_stdin() if output == _STDIN else output,
        error=error,
        duration_ms=duration_ms,
        execution_id=execution_id,
        exit_code=exit_code,
        labels=labels_of(label),
        at=at,
    )
    _record(record, action, log, how)


def cleanup(
    scanner: Annotated[str, typer.Argument(metavar="SCANNER", help="The scanner that cleaned up.")],
    resource: Annotated[str, typer.Argument(metavar="RESOURCE", help="Such as lock:deploy or worktree:/path.")],
    action: Annotated[str, typer.Argument(metavar="ACTION", help="delete, release, archive, fail, dead_letter.")],
    success: _Success,
    error: _Error = None,
    execution_id: Annotated[
        str | None,
        typer.Option(envvar=EXECUTION_ID_VARIABLE, metavar="ID", help="The run that did it."),
    ] = None,
    at: _At = None,
    *,
    who: WithContext,
    how: _How,
    log: Log,
) -> None:
    """Record that a scanner cleaned something up.

    In a command of `producer run` it belongs to that run.

    Example: producer cleanup locks lock:db release --success
    """
    record = methodcaller(
        "cleanup_executed",
        scanner,
        resource,
        action,
        success,
        error=error,
        execution_id=execution_id,
        labels=who.labels,
        at=at,
    )
    _record(record, scanner, log, how)


def _record(record: Callable[[Producer], Receipt], name: str, log: LogAddress, how: _Manner) -> None:
    """Make the record of the action or scanner `name`, and print the id of its entry if asked.

    Of a record that waits, it is the producer and the number.
    """
    from producer.cli.single import record_or_keep

    receipt = record_or_keep(
        record, name, log, how.spool, partitions=how.partitions, allow_odd_times=how.allow_odd_times
    )
    if how.print_id:
        write(f"{receipt.entry_id or f'{receipt.by} {receipt.seq}'}\n")


def _tail_of_stdin() -> str:
    """As much of stdin as a record holds, however much there is."""
    from producer.command.output import Tail
    from producer.operations import OUTPUT_BYTES

    tail = Tail(OUTPUT_BYTES)
    while chunk := os.read(0, 1 << 16):
        tail.append(chunk)
    return tail.text()
