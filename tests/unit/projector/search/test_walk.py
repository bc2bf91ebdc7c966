"""The walk over a stream in memory and an archive in a directory: every mode, while both move and steps fail."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producer.log import Entry
from projector.archive.archive import Archive
from projector.entry_id import milliseconds_of
from projector.search import Filter, walk
from projector.search.entry import LogEntry
from projector.search.walk import Walk
from tests.support.archives import seal
from tests.support.fold.logs import completed
from tests.support.stream import Stream

ENTRIES: list[Entry] = [
    (b"%d-%d" % (100 + at // 3, 9 + at % 3), [b"op", completed("ab"[at % 2], success=at % 5 > 0)]) for at in range(24)
]


def walked(steps: Walk, stream: Stream) -> list[LogEntry]:
    found: list[LogEntry] = []
    while not steps.done:
        found += steps.step(stream.call)
    return found


def ids(entries: list[LogEntry]) -> list[str]:
    return [entry.entry_id for entry in entries]


def plainly(where: Filter, since: int | None, until: int | None) -> list[str]:
    """The ids of what is wanted, oldest first, by a look at the list."""
    found = []
    for at, (raw, _) in enumerate(ENTRIES):
        moment = milliseconds_of(raw.decode())
        is_action, is_outcome = where.action in (None, "ab"[at % 2]), where.success in (None, at % 5 > 0)
        if is_action and is_outcome and (since or 0) <= moment < (10**9 if until is None else until):
            found.append(raw.decode())
    return found


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "PAGE", 5)


_FILTERS = st.builds(Filter, action=st.sampled_from([None, "a"]), success=st.sampled_from([None, False]))
_TIMES = st.none() | st.integers(0, 110)


@settings(max_examples=50, deadline=None)
@given(where=_FILTERS, since=_TIMES, until=_TIMES, limit=st.none() | st.integers(0, 30), reverse=st.booleans())
def test_it_finds_what_is_wanted_in_both_directions(
    where: Filter, since: int | None, until: int | None, limit: int | None, reverse: bool
) -> None:
    stream = Stream(ENTRIES[:])
    steps = Walk("ns", where, since=since, until=until, limit=limit, reverse=reverse)
    expected = plainly(where, since, until)
    assert ids(walked(steps, stream)) == (expected if reverse else expected[::-1])[:limit]


@settings(max_examples=50, deadline=None)
@given(
    where=_FILTERS, since=_TIMES, limit=st.none() | st.integers(0, 30), begun=st.integers(0, 24), seed=st.integers()
)
def test_it_follows_through_failures_trims_and_seals(
    where: Filter, since: int | None, limit: int | None, begun: int, seed: int, places: Path
) -> None:
    """Half of the commands fail, and between them entries are appended, archived and trimmed."""
    random_ = random.Random(seed)
    place = str(places / str(len(list(places.iterdir()))))
    ours, theirs = Archive.at(place, "ns"), Archive.at(place, "ns")
    stream = Stream(ENTRIES[:begun])
    sealed = 0

    def move() -> None:
        nonlocal sealed
        if stream.added < len(ENTRIES) and random_.random() < 0.3:
            stream.append(ENTRIES[stream.added])
        count = random_.randint(0, 3)
        if sealed + count < stream.added and count:
            seal(theirs, ENTRIES[sealed : sealed + count])
            sealed += count
        if random_.random() < 0.5:
            del stream.entries[: max(0, sealed - (stream.added - len(stream.entries)))]
        if random_.random() < 0.5:
            raise OSError

    steps = Walk("ns", where, archive=ours, since=since, limit=limit, follow=True)
    found: list[LogEntry] = []
    stream.before = move
    known = None
    for _ in range(200):
        try:
            found += steps.step(stream.call)
        except OSError:
            continue
        known = stream.added if known is None else known
    stream.before = lambda: None
    for entry in ENTRIES[stream.added :]:
        stream.append(entry)
    for _ in range(10):
        found += steps.step(stream.call)
    expected = plainly(where, since, None)
    assert ids(found) == expected[len(expected) - len(found) :]
    live = {raw.decode() for raw, _ in ENTRIES[known:]}  # they came when the walk was under way
    backlog = sum(entry_id in {raw.decode() for raw, _ in ENTRIES[:begun]} for entry_id in expected)
    assert live & set(expected) <= set(ids(found))
    assert len(found) >= (len(expected) if limit is None else min(limit, backlog))


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archives")


def test_it_ends_at_what_was_there_when_it_began() -> None:
    """Others append faster than it reads."""
    stream = Stream(ENTRIES[:6])
    more = iter(ENTRIES[6:])

    def append() -> None:
        for entry in [next(more, None) for _ in range(3)]:
            if entry is not None:
                stream.append(entry)

    stream.before = append
    found = ids(walked(Walk("ns", Filter(), reverse=True), stream))
    assert 6 <= len(found) < len(ENTRIES)
    assert found == [entry_id.decode() for entry_id, _ in ENTRIES[: len(found)]]


def test_it_tells_how_far_it_is_and_what_may_be_missing() -> None:
    stream = Stream(ENTRIES[:])
    del stream.entries[:4]
    steps = Walk("ns", Filter())
    steps.step(stream.call)
    assert (steps.scanned, steps.gone) == (5, 4)
    assert 10 <= steps.expected <= 40
    walked(steps, stream)
    assert steps.scanned == 20
    recent = Walk("ns", Filter(), since=105)
    walked(recent, stream)
    assert recent.gone == 0


def test_what_is_archived_is_not_missing(tmp_path: Path) -> None:
    archive = Archive.at(str(tmp_path), "ns")
    seal(archive, ENTRIES[:10])
    stream = Stream(ENTRIES[:])
    del stream.entries[:8]
    steps = Walk("ns", Filter(), archive=archive)
    assert len(walked(steps, stream)) == len(ENTRIES)
    assert steps.gone == 0


@pytest.mark.parametrize("options", [{}, {"reverse": True}, {"since": 5}, {"until": 5}])
def test_an_empty_log_has_nothing(options: dict[str, Any]) -> None:
    assert walked(Walk("ns", Filter(), **options), Stream([])) == []


@pytest.mark.parametrize("limit", [None, 0, 3])
def test_an_empty_log_can_be_followed(limit: int | None) -> None:
    stream = Stream([])
    steps = Walk("ns", Filter(), limit=limit, follow=True)
    assert steps.step(stream.call) == []
    for entry in ENTRIES[:7]:
        stream.append(entry)
    found = steps.step(stream.call) + steps.step(stream.call)
    assert ids(found) == [entry_id.decode() for entry_id, _ in ENTRIES[:7]]
