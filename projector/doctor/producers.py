"""Checks of the producers: has everything arrived, and are those whose runs are in flight alive?"""

import shlex
from collections import defaultdict
from collections.abc import Iterator

from producer.text.wording import counted
from projector.doctor.case import Case
from projector.doctor.finding import Finding, ok, warning, wrong
from projector.query.parsing import Range, size_of
from projector.query.questions.health.missing import Missing

_NAMED = 10
"""Producers that get a finding of their own; the rest is summed up."""
_RANGES = 5


def gaps(case: Case) -> Iterator[Finding]:
    """Numbers that a producer used and that never arrived, unless somebody has accepted that."""
    rows, stands = case.reader.at_one_instant(("HGETALL", case.keys.producers), ("HGETALL", case.keys.checkpoint))
    missing = Missing.of_replies(case.keys, rows, stands)
    left = missing.gaps
    worst = sorted(left, key=lambda by: size_of(left[by]), reverse=True)
    found = [
        (f"{by}: {counted(size_of(left[by]), 'operation')} missing ({_numbers(left[by])})", shlex.quote(by))
        for by in worst[:_NAMED]
    ]
    if rest := worst[_NAMED:]:
        of_rest = counted(sum(size_of(left[by]) for by in rest), "operation")
        found.append((f"{counted(len(rest), 'more producer')}: {of_rest} missing", "--all"))
    for lost, which in found:
        yield wrong(
            lost,
            "they were recorded, or attempted, and are not in the log",
            "producer flush, on that producer's host, if its spool is still there; else they are lost, and this "
            f"accepts it: {case.projector(f'gaps accept {which}')}",
        )
    if missing.closed > 0 and (missing.acceptable or missing.evicted):
        yield warning(
            f"{counted(missing.closed, 'operation')} missing for good, of producers whose gaps are no longer kept",
            "they are lost; the counts say so in missing, and nothing can be done about it",
            f"to accept that: {case.projector('gaps accept --all')}" if missing.acceptable else "",
        )
    elif not worst:
        accepted = f"{counted(missing.all, 'operation')} missing, accepted" if missing.all else "none"
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


def _numbers(ranges: list[Range]) -> str:
    """`1–3, 7, …`: the first of the ranges."""
    shown = [f"{first}" if first == last else f"{first}–{last}" for first, last in ranges[:_RANGES]]
    return ", ".join([*shown, "…"] if len(ranges) > _RANGES else shown)
