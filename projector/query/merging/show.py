"""Everything about one run, one cleanup, or one decision, in whichever namespace it is.

What a run cleaned up may be in other partitions than the run itself, because cleanups go by their scanner.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from projector.entry_id import is_entry_id
from projector.errors import ProjectorError, command_for
from projector.keys import Keys
from projector.query.arguments import checked_name
from projector.query.merging.records import by_time
from projector.query.merging.statistics import reckoned
from projector.query.naming import named, said
from projector.query.questions import show as showing
from projector.query.questions.question import Inquiry, Question, ask, each
from projector.query.questions.show import Known, Run, Shown
from projector.records import CleanupRecord, InFlightRecord

if TYPE_CHECKING:
    from projector.search.entry import LogEntry
    from projector.search.lookup import Lookup

_LISTED = 10
"""Namespaces that a message names."""

_LogOf = Callable[[Keys], "Lookup"]


def show(
    wanted: str, archive: str | None, progress: Callable[[int, int], None] | None, namespace: str | None = None
) -> Inquiry[Shown]:
    """By the entry id, the execution id, or the beginning of one. Raises ProjectorError, which says what there is,
    for an id that names nothing or several."""
    from projector.search.lookup import Lookup  # loads the fold's rules, which few readers need

    checked_name("id", wanted)

    def log_of(keys: Keys) -> Lookup:
        return Lookup(keys.namespace, archive, progress)

    # All are asked, because what belongs to the run may be elsewhere; `namespace` says which run is meant.
    known = yield from each(lambda keys: showing.known(keys))
    meant = {name: having for name, having in known.items() if namespace in (None, name)}
    if is_entry_id(wanted):
        return (yield from _entry(wanted, known, meant, log_of))
    run = named(wanted, [run for having in meant.values() for run in having.runs])
    if run is None:
        logged = yield from each(
            lambda keys: showing.logged(log_of(keys), wanted) if keys.namespace in meant else None
        )
        run = named(wanted, [run for runs in logged.values() for run in runs])
    if run is None:
        raise ProjectorError(f"no run {said(wanted)} is in the log of {_among(meant)}{_archived(archive)}")
    return (yield from _run(run, known, log_of))


def _entry(wanted: str, known: Mapping[str, Known], meant: Mapping[str, Known], log_of: _LogOf) -> Inquiry[Shown]:
    entries = yield from each(
        lambda keys: showing.entry_of(log_of(keys), wanted) if keys.namespace in meant else None
    )
    abouts = {namespace: having.about(wanted) for namespace, having in meant.items()}
    having = [namespace for namespace in meant if entries[namespace] or abouts[namespace]]
    if not having:
        archive = next((log_of(keys).archive for keys in map(Keys, meant)), None)
        raise ProjectorError(f"no entry {wanted} is in the log of {_among(meant)}{_archived(archive)}")
    if len(having) > 1:
        there = f"entry {wanted} is in {len(having)} namespaces: {_listed(having)}"
        raise ProjectorError(f"{there}; name one of them, or the run by its id")
    (namespace,) = having
    about, entry = abouts[namespace], entries[namespace]
    if about is None:
        assert entry is not None
        if entry.rejection:
            kept = command_for(namespace, f"quarantine show {wanted}")
            raise ProjectorError(f"entry {wanted} cannot be read: {entry.rejection}; what it has: {kept}")
        about = yield from ask(namespace, lambda keys: showing.looked_up(log_of(keys), wanted))
        if about is None:
            return Shown(kind="decision", state=str(entry.type), operation=entry.operation, namespace=namespace)
    if isinstance(about, CleanupRecord):
        return (yield from _cleanup(about, known, log_of, entry))
    return (yield from _run(about, known, log_of))


def _run(run: Run, known: Mapping[str, Known], log_of: _LogOf) -> Inquiry[Shown]:
    own = known[run.namespace]
    beside = yield from ask(run.namespace, lambda keys: showing.beside(keys, run, log_of(keys)))
    stats = reckoned(beside.stats, beside.histogram)
    done = yield from each(lambda keys: _cleanups_of(keys, run, known, log_of))
    operation = beside.entry.operation if beside.entry else None
    return Shown(
        kind="run",
        state="presumed dead" if run in own.orphans else _state(run),
        run=run,
        operation=operation,
        output=(operation or {}).get("output"),
        p50_duration_ms=stats.p50_duration_ms,
        p95_duration_ms=stats.p95_duration_ms,
        attempts=beside.attempts,
        siblings=beside.siblings,
        cleanups=by_time([*done.values()]),
        namespace=run.namespace,
    )


def _cleanup(
    cleanup: CleanupRecord, known: Mapping[str, Known], log_of: _LogOf, entry: LogEntry | None
) -> Inquiry[Shown]:
    run = None
    if wanted := cleanup.execution_id:
        nearest = sorted(known, key=lambda namespace: namespace != cleanup.namespace)
        runs = (run for namespace in nearest for run in known[namespace].runs)
        run = next((run for run in runs if run.execution_id == wanted), None)
        for namespace in nearest if run is None else ():
            logged = yield from ask(namespace, lambda keys: showing.logged(log_of(keys), wanted))
            run = next((run for run in logged if run.execution_id == wanted), None)
            if run is not None:
                break
    return Shown(
        kind="cleanup",
        state="ok" if cleanup.success else "failed",
        cleanup=cleanup,
        run=run,
        operation=entry.operation if entry else None,
        namespace=cleanup.namespace,
    )


def _cleanups_of(
    keys: Keys, run: Run, known: Mapping[str, Known], log_of: _LogOf
) -> Question[list[CleanupRecord]] | None:
    having = known.get(keys.namespace)
    return None if having is None else showing.cleanups_of(keys, run, having.cleaned, log_of(keys))


def _state(run: Run) -> str:
    if isinstance(run, InFlightRecord):
        return "running"
    return "presumed dead" if run.orphaned else "ok" if run.success else "failed"


def _among(known: Mapping[str, Known]) -> str:
    if len(known) == 1:
        return f"namespace {next(iter(known))}"
    return f"any of the namespaces {_listed([*known])}" if known else "any namespace, because none is there"


def _listed(namespaces: Sequence[str]) -> str:
    return ", ".join(namespaces[:_LISTED]) + (", …" if namespaces[_LISTED:] else "")


def _archived(archive: str | None) -> str:
    return " nor in the archive" if archive else "; if it was archived: --archive WHERE"
