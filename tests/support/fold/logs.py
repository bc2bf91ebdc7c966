"""Logs to fold: operations as JSON with small defaults, entries as fields, and hypothesis' arbitrary logs of both.

Alphabets are small and bounds tiny, so that keys collide, numbers repeat and every bound is reached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import orjson
from hypothesis import strategies as st

from projector.bounds import Bounds
from projector.fold.entry import read_entry
from projector.fold.fold import fold
from projector.fold.history import History
from projector.fold.rendering import render
from projector.keys import Keys
from tests.support.fold.model import Projection, plain

__all__ = [
    "TINY",
    "Fields",
    "Log",
    "Step",
    "accepted",
    "broken_completion",
    "cleaned",
    "completed",
    "dropped",
    "entry",
    "folded",
    "logs",
    "lost",
    "numbered",
    "orphaned",
    "projected",
    "projection_of",
    "resolved",
    "run_logs",
    "sealed",
    "started",
]

Fields = list[bytes]
"""An entry's names and values, alternately."""
Log = list[tuple[str, Fields]]
"""Entries with their ids, oldest first."""

TINY = Bounds(
    max_entries=3,
    max_action_entries=2,
    max_in_flight=2,
    max_actions=2,
    max_scanners=2,
    max_producers=2,
    max_gaps=2,
    max_quarantine=2,
)
_KEYS = Keys("t")


# -- operations and entries --


def started(action_id: str, execution_id: str | None = None, *, at: int = 1000, **more: object) -> bytes:
    return _json(
        type="action_execution_started",
        action_id=action_id,
        source="manual",
        execution_type="command",
        started_at=at,
        execution_id=execution_id,
        **more,
    )


def completed(
    action_id: str,
    execution_id: str | None = None,
    *,
    success: bool = True,
    error: str | None = None,
    duration_ms: int = 5,
    at: int = 1005,
    **more: object,
) -> bytes:
    return _json(
        type="action_execution_completed",
        action_id=action_id,
        success=success,
        error=error,
        duration_ms=duration_ms,
        completed_at=at,
        execution_id=execution_id,
        **more,
    )


def cleaned(
    scanner_id: str,
    *,
    action: str = "delete",
    success: bool = True,
    error: str | None = None,
    at: int = 1000,
    **more: object,
) -> bytes:
    return _json(
        type="cleanup_executed",
        scanner_id=scanner_id,
        resource_id="lock:deploy",
        action=action,
        success=success,
        error=error,
        executed_at=at,
        **more,
    )


def orphaned(action_id: str, execution_id: str) -> bytes:
    return _json(
        type="action_execution_orphaned",
        action_id=action_id,
        execution_id=execution_id,
        reason="no heartbeat",
        orphaned_at=2000,
    )


def resolved(action_id: str, execution_id: str | None = None, *, success: bool = False, at: int = 2500) -> bytes:
    return _json(
        type="execution_resolved",
        action_id=action_id,
        execution_id=execution_id,
        success=success,
        reason="looked after",
        resolved_at=at,
    )


def dropped(entry_id: str) -> bytes:
    return _json(type="quarantine_dropped", entry_id=entry_id, dropped_at=3000)


def accepted(producer_id: str, seq: int) -> bytes:
    return _json(type="gaps_accepted", producer_id=producer_id, seq=seq, accepted_at=4000)


def sealed(last_id: str, *, head: str = "a" * 64, number: int = 1, entries: int = 1) -> bytes:
    return _json(type="archive_sealed", number=number, head=head, last_id=last_id, entries=entries, sealed_at=5000)


def lost(entries: int) -> bytes:
    return _json(
        type="loss_accepted", entries=entries, first_id="0-0", last_id="9-9", reason="XTRIM by hand", accepted_at=5000
    )


def broken_completion(action_id: str = "a") -> bytes:
    """A completion that decoding refuses: its duration is a string."""
    return completed(action_id).replace(b'"duration_ms":5', b'"duration_ms":"5"')


def _json(**fields: object) -> bytes:
    return orjson.dumps({name: value for name, value in fields.items() if value is not None})


def entry(
    op: bytes | None,
    *,
    by: str | None = None,
    seq: int | None = None,
    acked: int | None = None,
    retry_of: str | None = None,
) -> Fields:
    fields = {b"op": op, b"by": by, b"seq": seq, b"acked": acked, b"retry_of": retry_of}
    return [part for name, value in fields.items() if value is not None for part in (name, _bytes(value))]


def _bytes(value: bytes | str | int) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


# -- folding them --


def numbered(*entries: Fields | bytes) -> Log:
    """The entries under the ids 1-0, 2-0, …; bytes are an operation without identity."""
    return [
        (f"{at}-0", [b"op", fields] if isinstance(fields, bytes) else fields) for at, fields in enumerate(entries, 1)
    ]


def folded(log: Iterable[tuple[str, Fields]], bounds: Bounds) -> History:
    """The history of the log, folded in one go in memory."""
    history = History(bounds)
    for entry_id, fields in log:
        fold(history, read_entry(entry_id.encode(), fields))
    return history


def projection_of(history: History) -> Projection:
    """What the history renders to, in the model's terms."""
    prefix = len(b"{t}:")
    rendered = ((key[prefix:].decode(), content) for key, _, content in render(history, _KEYS))
    return {suffix: plain(suffix, content) for suffix, content in rendered}


def projected(*entries: Fields | bytes, bounds: Bounds | None = None) -> Projection:
    """The projection of `numbered(*entries)`."""
    return projection_of(folded(numbered(*entries), bounds or Bounds()))


# -- arbitrary ones --


class Step(NamedTuple):
    """One entry to come, so many `milliseconds` before the next. `fields` makes it from the id of the entry `back`
    places before."""

    milliseconds: int
    back: int
    fields: Callable[[str], Fields]


def _of_run(make: Callable[..., bytes]) -> Callable[..., bytes]:
    return lambda run, **more: make(*run, **more)


_RUNS = st.sampled_from([("a", None), ("a", "x"), ("b", None), ("ä ö", "x"), ("(other)", "x"), ("a#x", None)])
"""Action and execution id; the last has the same execution key as another."""
_SCANNERS = st.sampled_from(["s", "t", "u"])
_TIMES = st.integers(0, 9) | st.just(2**53 - 1)
_ERRORS = st.sampled_from([None, "", "refused", "é", "errno 7", "errno 8", "(other)", "x" * 600])

_LABELS = st.sampled_from([None, {}, {"host": "h1"}, {"host": "ä", "user": "u"}])

_STARTS = st.builds(
    _of_run(started),
    _RUNS,
    at=_TIMES,
    heartbeats=st.sampled_from([None, True, False]),
    command=st.sampled_from([None, "", "make all"]),
    attempt=st.sampled_from([None, 1, 2]),
    labels=_LABELS,
)
_COMPLETIONS = st.builds(
    _of_run(completed),
    _RUNS,
    success=st.booleans(),
    error=_ERRORS,
    duration_ms=st.integers(0, 200) | st.integers(0, 2**53 - 1),
    at=_TIMES,
    exit_code=st.sampled_from([None, 0, -9, 255]),
    labels=_LABELS,
)
_CLEANUPS = st.builds(
    cleaned,
    _SCANNERS,
    action=st.sampled_from(["delete", "release", "(other)"]),
    success=st.booleans(),
    error=_ERRORS,
    at=_TIMES,
    execution_id=st.sampled_from([None, "x"]),
    labels=_LABELS,
)
_ORPHANS = st.builds(_of_run(orphaned), _RUNS)
_RESOLUTIONS = st.builds(_of_run(resolved), _RUNS, success=st.booleans(), at=_TIMES)
_PAUSES = st.sampled_from(
    [0, 1, 0, 1, 0, 1, 0, 1, 20_000, 60_000, 900_000, 3_600_000, 6 * 3_600_000, 86_400_000 - 1, 14 * 86_400_000]
)
"""Mostly none; the others close buckets of time, and some outlive the last 360 minutes or 336 hours."""
_PRODUCERS = st.sampled_from(["p", "q", "r"])
_ACCEPTANCES = st.builds(accepted, _PRODUCERS, st.integers(1, 16))
_SEALS = st.builds(
    sealed, st.sampled_from(["0-0", "9-9", "9-10", "10-2"]), head=st.sampled_from(["a" * 64, "0" * 64])
)
_LOSSES = st.builds(lost, st.integers(1, 9))
_UNDECODABLE = st.sampled_from(
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"type":"reboot"}',
        b'{"type":"quarantine_dropped","entry_id":"x","dropped_at":1}',
        broken_completion(),
        started("a").replace(b"}", b',"action_id":"b"}'),
        completed("a", error="e" * 5000),
    ]
)
_OPERATIONS = st.one_of(_STARTS, _COMPLETIONS, _CLEANUPS, _ORPHANS, _RESOLUTIONS, _ACCEPTANCES, _SEALS, _UNDECODABLE)

_MALFORMED: list[Fields] = [
    [b"x", b"y"],
    [b"op", completed("a"), b"by", b"p"],
    [b"op", completed("a"), b"seq", b"1"],
    [b"op", completed("a"), b"acked", b"1"],
    [b"op", completed("a"), b"by", b"", b"seq", b"1"],
    [b"op", completed("a"), b"by", b"p" * 257, b"seq", b"1"],
    [b"op", completed("a"), b"by", b"\xff", b"seq", b"1"],
    [b"op", completed("a"), b"by", b"p", b"seq", b"0"],
    [b"op", completed("a"), b"by", b"p", b"seq", b"01"],
    [b"op", completed("a"), b"by", b"p", b"seq", b"12345678901234567"],
    [b"op", completed("a"), b"by", b"p", b"seq", b"1", b"acked", b"-1"],
    [b"op", completed("a"), b"by", b"p", b"seq", b"1", b"retry_of", b"1-0"],
    [b"op", completed("a"), b"op", completed("a")],
    [b"op", completed("a"), b"retry_of", b"1"],
    [part for number in range(101) for part in (b"%d" % number, b"v")],
]


def _plainly(op: bytes) -> Callable[[str], Fields]:
    return lambda _: entry(op)


def _by(op: bytes, by: str, seq: int, acked: int | None) -> Callable[[str], Fields]:
    return lambda _: entry(op, by=by, seq=seq, acked=acked)


def _retrying(op: bytes) -> Callable[[str], Fields]:
    return lambda earlier: entry(op, retry_of=earlier)


def _dropping(retry: bool) -> Callable[[str], Fields]:
    return lambda earlier: entry(dropped(earlier), retry_of=earlier if retry else None)


def _verbatim(fields: Fields) -> Callable[[str], Fields]:
    return lambda _: fields


_Steps = st.SearchStrategy[Callable[[str], Fields]]
_RUNNING: _Steps = st.builds(_plainly, st.one_of(_STARTS, _COMPLETIONS, _ORPHANS, _RESOLUTIONS))
_STARTING: _Steps = st.builds(_plainly, _STARTS | _ORPHANS)
_CLEANING: _Steps = st.builds(_plainly, _CLEANUPS)
_NUMBERED: _Steps = st.builds(_by, _OPERATIONS, _PRODUCERS, st.integers(1, 14), st.none() | st.integers(0, 14))
_ACCEPTING: _Steps = st.builds(_plainly, _ACCEPTANCES | _SEALS)
_LOSING: _Steps = st.builds(_plainly, _LOSSES)
_ONE_PRODUCER: _Steps = st.builds(_by, _COMPLETIONS, st.just("p"), st.integers(1, 14), st.none() | st.integers(0, 5))
_SET_ASIDE: _Steps = st.one_of(
    st.builds(_plainly, _UNDECODABLE),
    st.builds(_retrying, _OPERATIONS),
    st.builds(_dropping, st.booleans()),
    st.sampled_from(range(len(_MALFORMED))).map(lambda at: _verbatim(_MALFORMED[at])),
)
_ALL: _Steps = st.one_of(_RUNNING, _CLEANING, _NUMBERED, _ACCEPTING, _SET_ASIDE)


def _log_of(steps: list[Step]) -> Log:
    """The steps under ids from 9-8 on: as texts they would not sort in the order in which they stand."""
    log: Log = []
    milliseconds, number = 9, 8
    for step in steps:
        earlier = log[max(0, len(log) - step.back)][0] if log else "1-0"
        log.append((f"{milliseconds}-{number}", step.fields(earlier)))
        number = 0 if step.milliseconds else number + 1
        milliseconds += step.milliseconds
    return log


def logs(*, most: int = 40, losses: bool = False) -> st.SearchStrategy[Log]:
    """Arbitrary logs of at most so many entries, of all kinds or of one, short ones and long ones.

    With `losses` they lack entries: a projector that starts at their beginning stops, and only a rebuild folds them.
    """
    kinds = [_ALL, _RUNNING, _STARTING, _CLEANING, _NUMBERED, _ONE_PRODUCER, _NUMBERED | _ACCEPTING, _SET_ASIDE]
    if losses:
        kinds.append(_ALL | _LOSING)
    return st.one_of([_lists(kind, most) for kind in kinds]).map(_log_of)


def run_logs(*, most: int = 40) -> st.SearchStrategy[Log]:
    """Arbitrary logs of runs and cleanups without numbers: what ends what is all that there is to tell."""
    undecodable = st.builds(_plainly, _UNDECODABLE)
    kinds = [_RUNNING, _STARTING, _RUNNING | _CLEANING, st.one_of(_RUNNING, _CLEANING, undecodable)]
    return st.one_of([_lists(kind, most) for kind in kinds]).map(_log_of)


def _lists(kind: _Steps, most: int) -> st.SearchStrategy[list[Step]]:
    steps = st.builds(Step, _PAUSES, st.integers(1, 4), kind)
    return st.lists(steps, max_size=most) | st.lists(steps, min_size=most // 3, max_size=most)
