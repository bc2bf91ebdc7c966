"""`projector log` and `projector tail`: the entries of the log, as they were recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Annotated

import typer

from producer.terminal.options import OptionGroup
from producer.terminal.progress import progress_bar
from producer.terminal.stdout import is_terminal, reader_has_left, write
from producer.text.wording import counted
from projector.answers.interval import Interval
from projector.answers.records import log_answer
from projector.cli.addresses import LogAddresses, Logs
from projector.cli.display.wording import visible
from projector.cli.filters import EntryFilters
from projector.cli.interval import Between
from projector.cli.options import ArchiveOption, Entries, View
from projector.cli.read.answer import open_query, why_empty
from projector.errors import Damaged, ServerRefused, ServerUnavailable

if TYPE_CHECKING:
    from projector.query import Query
    from projector.query.entries import LogEntries
    from projector.search import Filter
    from projector.search.entry import LogEntry


@dataclass(frozen=True, slots=True)
class _Asked:
    """How many entries, from where, and in which form."""

    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            "-n",
            metavar="N",
            min=0,
            help="How many at most, of those before.",
            show_default="all; to follow 10, or all since a time",
        ),
    ] = None
    raw: Annotated[
        bool, typer.Option("--raw", help="Print each as a line of the archive, with every byte of it.")
    ] = False
    archive: ArchiveOption = None


_AskedOptions = Annotated[_Asked, OptionGroup(_Asked, tuple(signature(_Asked, eval_str=True).parameters.values()))]


def log(
    reverse: Annotated[bool, typer.Option("--reverse", help="The oldest first.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="The last, and then each new one, live.")] = False,
    *,
    asked: _AskedOptions,
    where: EntryFilters,
    between: Between,
    log: Logs,
    view: Entries,
) -> None:
    """The entries of the log, the newest first.

    A line says when the server took an entry, what it is, of which action or scanner, how it went, and who wrote it.
    Filters are globs as in a shell; an entry that shows passes all of them. With an archive the search goes on there.

    Example: projector log --failed --since yesterday
    """
    _show(log, where, between, view, asked, reverse=reverse, follow=follow)


def tail(*, asked: _AskedOptions, where: EntryFilters, between: Between, log: Logs, view: Entries) -> None:
    """The last entries of the log, and then each new one, live: the same as log --follow.

    It goes on when the server comes back, and misses none. Ctrl-C ends it.

    Example: projector tail --action 'deploy*'
    """
    _show(log, where, between, view, asked, reverse=False, follow=True)


def _show(
    log: LogAddresses,
    where: Filter,
    between: Interval,
    view: View,
    asked: _Asked,
    *,
    reverse: bool,
    follow: bool,
) -> None:
    limit, raw = asked.limit, asked.raw
    if follow and between.until is not None:
        raise typer.BadParameter("what is followed has no end", param_hint="--until")
    limit = 10 if follow and limit is None and between.since is None else limit
    if follow and view.as_json:
        raise typer.BadParameter("what is followed is no whole document: --jsonl", param_hint="--json")
    if raw and view.for_programs:
        raise typer.BadParameter("they exclude each other", param_hint="--json, --jsonl, --raw")
    with open_query(log, asked.archive) as query, _Lines(follow=follow) as lines:
        line_of = _as_line if raw else _as_json if view.for_programs else _as_text(view, _several(query))
        entries = query.log(
            where,
            since=between.since,
            until=between.until,
            limit=limit,
            reverse=reverse,
            follow=follow,
            progress=lines.page,
        )
        lines.entries = entries
        if view.as_json:
            found = log_answer(entries)
            lines.add(found.json.rstrip("\n"))
            shown = len(found.document["records"])
        else:
            shown = 0
            for entry in entries:
                shown += 1
                lines.add(line_of(entry))
            if not (shown or raw or view.for_programs):
                lines.add(why_empty(log).rstrip("\n") or _nothing_like(where))
    if entries.gone and (reverse or shown != limit):  # the newest are all there
        gone = counted(entries.gone, "entry is", "entries are")
        typer.echo(f"incomplete: {gone} no longer in the log; if they were archived: --archive WHERE", err=True)


def _nothing_like(where: Filter) -> str:
    ends = where.success is not None or where.longer_than_ms is not None
    starts = where.source is not None or where.host is not None or where.labels
    why = "; an end has no source, and no label of its start: projector recent judges whole runs"
    return f"no entry of the log is like that{why if ends and starts else ''}"


def _as_line(entry: LogEntry) -> str:
    return visible(entry.line) if is_terminal() else entry.line


def _as_json(entry: LogEntry) -> str:
    return json.dumps(entry.document)


def _as_text(view: View, namespaces: Sequence[str]) -> Callable[[LogEntry], str]:
    from projector.cli.log.lines import EntryLines

    return EntryLines(view, namespaces).line


def _several(query: Query) -> Sequence[str]:
    """The namespaces, if several are read."""
    from projector.answers.wording.several import Several

    with suppress(ServerRefused, ServerUnavailable, Damaged):  # whose log is read all the same, or not at all
        if several := Several.of(query.namespace, query.statuses()):
            return [status.namespace for status in several.statuses]
    return ()


class _Lines:
    """Writes lines a page at a time; while none comes and the search goes on, a bar on the terminal shows how far."""

    def __init__(self, *, follow: bool) -> None:
        self._follow = follow
        self._lines: list[str] = []
        self._bar = ExitStack()
        self._update: Callable[[int, int], None] | None = None
        self.entries: LogEntries | None = None
        """What is read, once that has begun."""
        self._away = False

    def add(self, line: str) -> None:
        self._lines.append(line)

    def page(self, done: int, total: int) -> None:
        """Write what is there; `done` entries of `total` were looked at. Ends the command if nobody reads."""
        self._tell_whether_away()
        self._write()
        if self._follow and reader_has_left():
            raise typer.Exit
        if done < total:
            self._update = self._update or self._bar.enter_context(progress_bar("Searching", after_a_moment=True))
            self._update(done, total)

    def _tell_whether_away(self) -> None:
        trouble = self.entries and self.entries.trouble
        if trouble and not self._away:
            typer.echo(f"away: {trouble}; asking again until it answers", err=True)
        elif self._away and not trouble:
            typer.echo("back: going on where it stopped", err=True)
        self._away = bool(trouble)

    def _write(self) -> None:
        if self._lines:
            self._hide()
            if not write("".join(f"{line}\n" for line in self._lines)):
                raise typer.Exit
            self._lines.clear()

    def _hide(self) -> None:
        self._bar.close()
        self._update = None

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._hide()
        if kind is None:
            self._write()
