"""The one way in which a command that reads answers, and what it says about a name that is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from producer.terminal.options import LogAddress
from producer.terminal.stdout import is_terminal, write
from projector.answers.documents.answer import Answer
from projector.cli.addresses import LogAddresses
from projector.cli.display.wording import visible
from projector.cli.options import View
from projector.errors import Damaged, ProjectorError, ServerRefused

if TYPE_CHECKING:
    from projector.cli.display.report import Report
    from projector.query import Query, Status


def answer(
    query: Query, found: Answer, view: View, fill: Callable[[Report], None], *, status: Status | None = None
) -> None:
    """Write what `view` asks for: `found` as JSON, its rows as lines or CSV, or else the report that `fill` fills,
    with what to know about the projectors, by `status` if that was asked for already.
    """
    from projector.answers.wording.several import Several
    from projector.cli.display.report import Report

    if view.as_json:
        write(found.json)
    elif view.for_programs:
        write("".join(lines_of(found, view)))
    else:
        statuses = query.statuses()
        several = Several.of(query.namespace, statuses, query.namespaces)
        together = status or (query.status() if several else statuses[0])
        report = Report(together, view, query.namespaces, several)
        fill(report)
        write(report.text())


def lines_of(found: Answer, view: View) -> Iterator[str]:
    """Each row as the line that `view` asks for: a JSON object, or CSV below a heading. A terminal gets texts that it
    does not obey."""
    if view.as_lines:
        return found.lines()
    return found.csv(visible) if is_terminal() else found.csv()


def open_query(log: LogAddress | LogAddresses, archive: str | None = None) -> Query:
    from projector.query import Query

    names = [log.namespace] if isinstance(log.namespace, str) else list(log.namespace)
    return Query(log.location.url, namespaces=names, archive=archive)


def why_empty(log: LogAddress | LogAddresses) -> str:
    """About namespaces in which nothing was recorded: which may have been meant. About others nothing."""
    from rich.text import Text

    from projector.cli.display.page import page

    with open_query(log) as query, suppress(ServerRefused, Damaged):
        statuses = query.statuses()
        if all(status.checkpoint is None and not status.wal_length for status in statuses):
            return page(Text(_why_nothing(query, statuses, "")))
    return ""


def _why_nothing(query: Query, statuses: Sequence[Status], otherwise: str) -> str:
    from projector.answers.wording.several import Several
    from projector.query.remarks import why_nothing

    if several := Several.of(query.namespace, statuses, query.namespaces):
        return several.why_nothing(otherwise)
    return why_nothing(statuses[0], otherwise, query.namespaces)


def check_action(query: Query, action: str) -> None:
    """Raises ProjectorError if there is nothing of the action: no statistics, and no run that has not ended."""
    begun = (run.action_id for runs in (query.in_flight, query.orphans) for run in runs())
    if query.action_stats(action).last_entry_id is None and action not in begun:
        raise _unknown(query, "action", action, [stats.action_id for stats in query.actions()], "stats")


def check_scanner(query: Query, scanner: str) -> None:
    """Raises ProjectorError if there is nothing of the scanner."""
    known = [stats.scanner_id for stats in query.scanners()]
    if scanner not in known:
        raise _unknown(query, "scanner", scanner, known, "cleanups")


def _unknown(query: Query, kind: str, name: str, known: Sequence[str], words: str) -> ProjectorError:
    """That nothing has that name: which was meant, or why there is none, or the command that shows those `known`."""
    from projector.answers.wording.several import command
    from projector.query.remarks import did_you_mean

    wanted, meant = query.namespace.split(", "), did_you_mean(name, known)
    why = _why_nothing(query, query.statuses(), f"those there are: {command(wanted, words)}")
    end = f".{visible(meant)}" if meant else f"; {why}"
    namespace = "namespace" if len(wanted) == 1 else "namespaces"
    return ProjectorError(f"there is no {kind} {visible(name)} in {namespace} {query.namespace}{end}")
