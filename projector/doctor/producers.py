"""Checks of the producers: has everything arrived, and are those whose runs are in flight alive?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import TypeVar

from projector.checkpoint import Checkpoint
from projector.doctor.case import Case
from projector.doctor.finding import Finding, ok, warning, wrong
from projector.fold.record import in_flight_of
from projector.fold.sequence import Sequence
from projector.query.damage import damaged

_NAMED = 10
"""Producers that get a finding of their own; the rest is summed up."""
_RANGES = 5

_T = TypeVar("_T")


def gaps(case: Case) -> Iterator[Finding]:
    """Numbers that a producer used and that never arrived."""
    found, counted = case.ask_at_once(("HGETALL", case.keys.producers), ("HGETALL", case.keys.checkpoint))
    checkpoint = Checkpoint.of_hash(counted, case.keys.checkpoint)
    missing = {}
    for name, raw in found.items():
        if spans := _read(Sequence.of_json, raw, case.keys.producers, "producer's numbers").gaps:
            missing[name.decode("utf-8", "backslashreplace")] = spans
    worst = sorted(missing, key=lambda by: _count(missing[by]), reverse=True)
    for by in worst[:_NAMED]:
        yield _missing(f"{by}: {_operations(_count(missing[by]))} missing ({_numbers(missing[by])})")
    if rest := worst[_NAMED:]:
        yield _missing(
            f"{len(rest):,} more producers: {_operations(sum(_count(missing[by]) for by in rest))} missing"
        )
    closed = (checkpoint.missing if checkpoint else 0) - sum(_count(spans) for spans in missing.values())
    if closed > 0:
        yield warning(
            f"{_operations(closed)} missing for good, of producers whose gaps are no longer kept",
            "they are lost; the counts say so in missing, and nothing can be done about it",
        )
    if not missing and closed <= 0:
        yield ok(f"none, of {len(found):,} producers")


def heartbeats(case: Case) -> Iterator[Finding]:
    """Producers that fell silent with executions open."""
    silent = _silent(case)
    if silent:
        # A run that has just ended may be in flight still, and its producer gone: only who is silent twice counts.
        _ = case.later_look
        silent = {by: actions for by, actions in _silent(case).items() if by in silent}
    for by, actions in silent.items():
        runs = "1 run" if len(actions) == 1 else f"{len(actions):,} runs"
        named = ", ".join(sorted(set(actions))[:_RANGES])
        yield wrong(
            f"{by} is silent, with {runs} in flight ({named})",
            "it is probably dead; the active projector presumes so when the silence has lasted",
            f"keep a projector active ({case.projector('run')}), and look after that process",
        )
    if not silent:
        yield ok("nobody is silent")


def _silent(case: Case) -> dict[str, list[str]]:
    """The actions in flight of each producer that promised heartbeats and gives none."""
    beating: dict[str, list[str]] = defaultdict(list)
    for raw in case.ask("HVALS", case.keys.in_flight):
        run = _read(in_flight_of, raw, case.keys.in_flight, "run")
        if run.heartbeats and run.by is not None:
            beating[run.by].append(run.action_id)
    alive = case.ask_each(*(("EXISTS", case.keys.heartbeat(by)) for by in beating))
    return {by: actions for (by, actions), there in zip(beating.items(), alive, strict=True) if not there}


def _read(read: Callable[[bytes], _T], raw: bytes, key: bytes, what: str) -> _T:
    """`raw`, found under `key`, as `what` it should be. Raises Damaged."""
    try:
        return read(raw)
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(key, f"something that is no {what}") from error


def _missing(found: str) -> Finding:
    return wrong(
        found,
        "they were recorded, or attempted, and are not in the log",
        "producer flush, on that producer's host, if its spool is still there; else they are lost",
    )


def _count(spans: list[list[int]]) -> int:
    return sum(last - first + 1 for first, last in spans)


def _operations(count: int) -> str:
    return "1 operation" if count == 1 else f"{count:,} operations"


def _numbers(spans: list[list[int]]) -> str:
    shown = [f"{first}" if first == last else f"{first}–{last}" for first, last in spans[:_RANGES]]
    return ", ".join([*shown, "…"] if len(spans) > _RANGES else shown)
