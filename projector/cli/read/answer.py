"""The one way in which a command that reads answers, and what it says about a name that is not there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from producer.terminal.options import LogAddress
from producer.terminal.stdout import is_terminal, write, write_json
from producer.text.moment import iso_of
from projector.cli.addresses import LogAddresses
from projector.cli.display.wording import visible
from projector.cli.options import View
from projector.errors import Damaged, ProjectorError, ServerRefused

if TYPE_CHECKING:
    from projector.cli.display.report import Report
    from projector.query import Query, Records, Status


_TIMES = ("timestamp", "started_at", "start", "last_at")
"""The field from which a record has its `at`: the first that it has of these."""


def answer(
    query: Query,
    document: Any,
    view: View,
    fill: Callable[[Report], None],
    *,
    rows: Iterable[Any] = (),
    of: type | None = None,
    status: Status | None = None,
) -> None:
    """Write what `view` asks for: `document` as JSON, its `rows`, dataclasses `of` one kind, as lines or CSV, or else
    the report that `fill` fills, with what to know about the projectors, by `status` if that was asked for already.
    """
    from projector.cli.display.report import Report
    from projector.cli.display.several import Several

    if view.as_json:
        write_json(plain(document))
    elif view.for_programs:
        write("".join(lines_of(rows, view, of=of)))
    else:
        statuses = query.statuses()
        several = Several.of(query.namespace, statuses, query.namespaces)
        together = status or (query.status() if several else statuses[0])
        report = Report(together, view, query.namespaces, several)
        fill(report)
        write(report.text())


def listed(records: Records[Any]) -> dict[str, Any]:
    """The envelope of `records`: whether they are complete, and since when they are whole."""
    return {"complete": records.complete, "since": records.since, "records": list(records)}


def lines_of(rows: Iterable[Any], view: View, *, of: type | None = None) -> Iterator[str]:
    """Each of `rows` as the line that `view` asks for: a JSON object, or CSV below a heading."""
    if view.as_lines:
        yield from (json.dumps(plain(row)) + "\n" for row in rows)
        return
    from projector.export.formats import csv_line

    assert of is not None
    yield csv_line(_names_of(of))
    for row in rows:
        yield csv_line(_cell(value) for value in plain(row).values())


def plain(value: Any) -> Any:
    """`value` in plain types for programs. Beside the time of a record stands the same as `at`: ISO 8601, UTC."""
    if is_dataclass(value):
        return {name: plain(getattr(value, name)) for name in _names_of(type(value))}
    if isinstance(value, datetime):
        return iso_of(value)
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def _names_of(kind: type) -> list[str]:
    names = [field.name for field in fields(kind)]
    time = next((name for name in _TIMES if name in names), None)
    if time and isinstance(getattr(kind, "at", None), property):
        names.insert(names.index(time) + 1, "at")
    return names


def _cell(value: Any) -> Any:
    """As in JSON, but texts and numbers as they are, and nothing for what is not there. A terminal gets texts that it
    does not obey."""
    if isinstance(value, str):
        return visible(value) if is_terminal() else value
    return json.dumps(value) if isinstance(value, bool | dict | list) else value


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
    from projector.cli.display.several import Several
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
    from projector.cli.display.several import command
    from projector.query.remarks import did_you_mean

    wanted, meant = query.namespace.split(", "), did_you_mean(name, known)
    why = _why_nothing(query, query.statuses(), f"those there are: {command(wanted, words)}")
    end = f".{visible(meant)}" if meant else f"; {why}"
    namespace = "namespace" if len(wanted) == 1 else "namespaces"
    return ProjectorError(f"there is no {kind} {visible(name)} in {namespace} {query.namespace}{end}")
