"""Checks of the producers: has everything arrived, and are those whose runs are in flight alive?"""

import shlex
from collections import defaultdict
from collections.abc import Iterator

from producer.text.wording import counted
from projector.checkpoint import Checkpoint
from projector.decisions.gaps import gaps_of, size_of
from projector.doctor.case import Case
from projector.doctor.finding import Finding, ok, warning, wrong
from projector.fold.sequence import Sequence

_NAMED = 10
"""Producers that get a finding of their own; the rest is summed up."""
_RANGES = 5


def gaps(case: Case) -> Iterator[Finding]:
    """Numbers that a producer used and that never arrived, unless somebody has accepted that."""
    rows, stands = case.reader.at_one_instant(("HGETALL", case.keys.producers), ("HGETALL", case.keys.checkpoint))
    checkpoint = Checkpoint.of_hash(stands, case.keys.checkpoint) or Checkpoint()
    producers = gaps_of(rows, case.keys.producers)
    left = {by: ranges for by, row in producers.items() if (ranges := _unaccepted(row))}
    worst = sorted(left, key=lambda by: size_of(left[by]), reverse=True)
    found = [
        (f"{by}: {counted(size_of(left[by]), 'operation')} missing ({_numbers(left[by])})", shlex.quote(by))
        for by in worst[:_NAMED]
    ]
    if rest := worst[_NAMED:]:
        missing = counted(sum(size_of(left[by]) for by in rest), "operation")
        found.append((f"{counted(len(rest), 'more producer')}: {missing} missing", "--all"))
    for lost, which in found:
        yield wrong(
            lost,
            "they were recorded, or attempted, and are not in the log",
            "producer flush, on that producer's host, if its spool is still there; else they are lost, and this "
            f"accepts it: {case.projector(f'gaps accept {which}')}",
        )
    closed = checkpoint.missing - sum(size_of(row.gaps) for row in producers.values())
    undecided = any(row.closed > row.accepted for row in producers.values())
    if closed > 0 and (undecided or checkpoint.producers_evicted):
        yield warning(
            f"{counted(closed, 'operation')} missing for good, of producers whose gaps are no longer kept",
            "they are lost; the counts say so in missing, and nothing can be done about it",
            f"to accept that: {case.projector('gaps accept --all')}" if undecided else "",
        )
    elif not worst:
        accepted = f"{counted(checkpoint.missing, 'operation')} missing, accepted" if producers else "none"
        yield ok(f"{accepted}, of {counted(len(rows), 'producer')}")


def heartbeats(case: Case) -> Iterator[Finding]:
    """Producers that fell silent with executions open."""
    silent = _silent(case)
    if silent:
        # A run that has just ended may be in flight still, and its producer gone: only who is silent twice counts.
        _ = case.later_status
        silent = {by: actions for by, actions in _silent(case).items() if by in silent}
    for by, actions in silent.items():
        runs = counted(len(actions), "run")
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
    for run in case.query.in_flight():
        if run.heartbeats and run.by is not None:
            beating[run.by].append(run.action_id)
    alive = case.reader.each(*(("EXISTS", case.keys.heartbeat(by)) for by in beating))
    return {by: actions for (by, actions), there in zip(beating.items(), alive, strict=True) if not there}


def _unaccepted(row: Sequence) -> list[list[int]]:
    return [[max(first, row.accepted + 1), last] for first, last in row.gaps if last > row.accepted]


def _numbers(ranges: list[list[int]]) -> str:
    """`1–3, 7, …`: the first of the ranges."""
    shown = [f"{first}" if first == last else f"{first}–{last}" for first, last in ranges[:_RANGES]]
    return ", ".join([*shown, "…"] if len(ranges) > _RANGES else shown)
