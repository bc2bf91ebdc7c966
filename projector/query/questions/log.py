"""The log: its entries, a page at a time, and records that go on in it where the projection's lists end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from producer.connection.pause import Pause
from projector.entry_id import milliseconds_of
from projector.errors import ArchiveUnavailable, InvalidQuery, ServerUnavailable
from projector.keys import Keys
from projector.query.arguments import Span
from projector.query.questions.question import Blocking, Question
from projector.query.results import Records
from projector.search.filter import Filter

if TYPE_CHECKING:
    from projector.search.entry import LogEntry
    from projector.search.joined import Gathering
    from projector.search.walk import Walk

_R = TypeVar("_R", bound=Any)


def walk_of(
    where: Filter | None, span: Span, since_of: Mapping[str, int], *, reverse: bool, follow: bool
) -> Callable[[str, int | None], Walk]:
    """What makes a walk through the log of a namespace, up to a limit; raises InvalidQuery for arguments that make
    none."""
    if follow and span.until is not None:
        raise InvalidQuery("until", "None, because what is followed has no end", span.until)
    from projector.search.walk import Walk  # loads the fold's reader of entries, which few readers need

    def made(namespace: str, limit: int | None) -> Walk:
        return Walk(
            namespace,
            where or Filter(),
            archive=span.opened(namespace),
            since=since_of.get(namespace, span.since),
            until=span.until,
            limit=limit,
            reverse=reverse,
            follow=follow,
        )

    return made


def page_of(walk: Walk, pause: Pause) -> Question[list[LogEntry]]:
    """The next page of `walk`. What follows the log waits for a server that is away, once it has seen it."""
    try:
        found: list[LogEntry] = yield Blocking(walk.step)
    except (ServerUnavailable, ArchiveUnavailable) as error:
        if not (walk.follow and walk.begun):
            raise
        walk.trouble = error
        yield Blocking(lambda _: pause.wait())
        return []
    walk.trouble = None
    pause.reset()
    return found


def continued(
    known: Records[_R], keys: Keys, limit: int, span: Span, gathering: Callable[[], Gathering[_R]]
) -> Question[Records[_R]]:
    """`known`, the newest that are wanted, and behind them what is in the log, if `span` has a beginning."""
    if span.since is None or known.complete or len(known) == limit:
        return known
    if known.since is not None and known.since <= span.since:
        return Records(known)
    from projector.search.reading import Reading

    # The list may lack some of the millisecond in which it ends.
    kept = [record for record in known if known.since is None or milliseconds_of(record.entry_id) >= known.since]
    ends = [moment for moment in (known.since, span.until) if moment is not None]
    reading = Reading(
        keys.namespace,
        gathering(),
        archive=span.opened(keys.namespace),
        since=span.since,
        before=min(ends, default=None),
        limit=limit - len(kept),
        progress=span.progress,
    )
    while not reading.done:
        yield Blocking(reading.step)
    return Records([*kept, *reading.records], complete=reading.reaches is None, since=reading.reaches)
