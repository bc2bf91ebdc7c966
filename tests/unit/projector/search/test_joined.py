"""Records made from the log backwards are those that the fold makes forwards, if nothing bounds it."""

from __future__ import annotations

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from producer.log import Entry
from projector.bounds import Bounds
from projector.records import ActionExecutionRecord, CleanupRecord
from projector.search import Filter
from projector.search.joined import Cleanups, Executions, Gathering
from tests.support.fold.logs import Log, completed, entry, folded, numbered, orphaned, resolved, run_logs, started

_WIDE = Bounds(max_entries=10**6, max_in_flight=10**6, max_producers=10**6, max_gaps=10**6)


def gathered(gathering: Gathering, log: Log, *, size: int = 3, wanted_from: int = 0) -> list:  # type: ignore[type-arg]
    """Of the log by pages, the newest first; what is before the place `wanted_from` only for starts."""
    page: list[Entry] = [(entry_id.encode(), fields) for entry_id, fields in log]
    split = wanted_from
    for part, wanted in ((page[split:][::-1], True), (page[:split][::-1], False)):
        for at in range(0, len(part), size):
            gathering.add(part[at : at + size], wanted=wanted)
    gathering.finish()
    return list(gathering.records())


def by_the_fold(log: Log) -> tuple[list[ActionExecutionRecord], list[CleanupRecord]]:
    history = folded(log, _WIDE)
    executions = [ActionExecutionRecord(**orjson.loads(raw)) for raw in history.executions]
    cleanups = [CleanupRecord(**orjson.loads(raw)) for raw in history.cleanups]
    return executions[::-1], cleanups[::-1]


_FILTERS = st.builds(
    Filter,
    action=st.sampled_from([None, "a", "a*"]),
    source=st.sampled_from([None, "man*", "cron"]),
    success=st.sampled_from([None, False, True]),
    longer_than_ms=st.sampled_from([None, 50]),
    grep=st.sampled_from([None, "REFUSED", "manual"]),
)


@settings(max_examples=80, deadline=None)
@given(log=run_logs(), where=_FILTERS, size=st.integers(1, 7))
def test_executions_are_those_of_the_fold(log: Log, where: Filter, size: int) -> None:
    wanted = where.test()
    expected = [record for record in by_the_fold(log)[0] if wanted(record, record.by)]
    assert gathered(Executions(where), log, size=size) == expected


@settings(max_examples=50, deadline=None)
@given(log=run_logs(), cut=st.integers(0, 40))
def test_those_behind_a_place_are_the_same_whatever_is_before_it(log: Log, cut: int) -> None:
    cut = min(cut, len(log))
    since = {entry_id for entry_id, _ in log[cut:]}
    expected = [record for record in by_the_fold(log)[0] if record.entry_id in since]
    assert gathered(Executions(Filter()), log, wanted_from=cut) == expected


@settings(max_examples=50, deadline=None)
@given(log=run_logs())
def test_cleanups_are_those_of_the_fold(log: Log) -> None:
    assert gathered(Cleanups(Filter()), log) == by_the_fold(log)[1]
    failed = [record for record in by_the_fold(log)[1] if not record.success]
    assert gathered(Cleanups(Filter(success=False)), log) == failed


def test_of_two_under_one_number_the_first_counts() -> None:
    """A producer sends an entry again when it did not hear of the first."""
    start, end = started("a", "x"), completed("a", "x", success=False)
    twice = [entry(op, by="p", seq=seq) for op, seq in ((start, 1), (start, 1), (end, 2), (end, 2))]
    log = numbered(*twice, entry(completed("a", "x"), by="p", seq=2))
    assert gathered(Executions(Filter()), log) == by_the_fold(log)[0]
    assert len(by_the_fold(log)[0]) == 1


def test_it_knows_how_far_back_a_start_may_be() -> None:
    """By the end's time and duration, and a day for the clocks; a run presumed dead tells no duration."""
    day = 86_400_000
    gathering = Executions(Filter())
    assert gathering.earliest == float("inf")
    end = completed("a", "x", duration_ms=300, at=10 * day)
    gathering.add([(b"9-0", entry(end))], wanted=True)
    assert gathering.earliest == 9 * day - 300
    gathering.add([(b"8-0", entry(started("a", "x")))], wanted=False)
    assert gathering.earliest == float("inf")
    gathering.add([(b"7-0", entry(orphaned("a", "y")))], wanted=True)
    assert gathering.earliest == 0


def test_what_waits_for_its_start_holds_back_what_is_older() -> None:
    ends = completed("b", "y"), completed("a", "x")
    log = numbered(started("a", "x"), started("b", "y"), *ends)
    gathering = Executions(Filter())
    page = [(entry_id.encode(), fields) for entry_id, fields in reversed(log)]
    gathering.add(page[:3], wanted=True)
    assert list(gathering.records()) == []
    gathering.add(page[3:], wanted=True)
    assert [record.action_id for record in gathering.records()] == ["a", "b"]


def test_who_settled_a_run_is_told_as_the_fold_does() -> None:
    log = numbered(
        entry(started("a", "x", command="make", labels={"host": "web"}), by="p", seq=1),
        orphaned("a", "x"),
        resolved("a", "x", success=False),
    )
    found = gathered(Executions(Filter(labels={"host": "web"}, grep="MAKE")), log)
    assert found == by_the_fold(log)[0]
    assert [(record.by, record.orphaned, record.resolved) for record in found] == [
        ("p", None, True),
        ("p", True, None),
    ]
