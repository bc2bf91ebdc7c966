"""Statistics of several namespaces: counts add up, minima and maxima are those of all, percentiles are read from the
histogram of all. What the latest entry decides is that of the namespace which saw the action or scanner last."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar, get_args

from projector.entry_id import order_of_any
from projector.errors import InvalidQuery
from projector.keys import Keys
from projector.query.arguments import checked_limit, checked_name, checked_percent
from projector.query.histogram import Histogram
from projector.query.questions import statistics
from projector.query.questions.question import Inquiry, each
from projector.query.questions.statistics import Sort
from projector.query.results import ActionStats, ScannerStats, Totals

_Stats = TypeVar("_Stats", ActionStats, ScannerStats)

_RANKS: dict[str, Callable[[ActionStats], float]] = {
    "recency": lambda _: 0,  # they come in this order
    "failures": lambda stats: -(stats.failures + stats.orphaned),
    "rate": lambda stats: 2 if (rate := _success_rate(stats)) is None else rate,
    "slowness": lambda stats: 1 if stats.p95_duration_ms is None else -stats.p95_duration_ms,
    "volume": lambda stats: -stats.total_executions,
}


def action_stats(action_id: str, *, failures_only: bool) -> Inquiry[ActionStats]:
    checked_name("action_id", action_id)
    answers = yield from each(lambda keys: statistics.action_stats(keys, action_id, failures_only=failures_only))
    if not answers:
        return ActionStats(action_id)
    found = answers.values()
    return reckoned(_action([stats for stats, _ in found]), _merged([histogram for _, histogram in found]))


def actions(*, sort: Sort, limit: int | None) -> Inquiry[list[ActionStats]]:
    """In three round trips to each for a thousand actions: names, statistics, histograms of those that are shown."""
    if sort not in get_args(Sort):
        raise InvalidQuery("sort", f"one of {', '.join(get_args(Sort))}", sort)
    limit = checked_limit(limit)
    answers = yield from each(statistics.actions)
    found = _by_name([*answers.values()], lambda stats: stats.action_id, _action)
    if sort != "slowness":
        found = in_order(found, sort)[:limit]
    shown = {stats.action_id for stats in found}
    names = {
        namespace: [stats.action_id for stats in of if stats.action_id in shown] for namespace, of in answers.items()
    }
    histograms = yield from _durations(lambda keys: names[keys.namespace], failures_only=False)
    found = [reckoned(stats, histograms[stats.action_id]) for stats in found]
    return in_order(found, sort)[:limit]


def in_order(found: Sequence[ActionStats], sort: Sort) -> list[ActionStats]:
    """Those that have come by recency, sorted."""
    return sorted(found, key=_RANKS[sort])


def durations(action_ids: Iterable[str], *, failures_only: bool) -> Inquiry[dict[str, Histogram]]:
    names = sorted({checked_name("action_ids", one) for one in action_ids})
    found = yield from _durations(lambda _: names, failures_only=failures_only)
    return {name: found.get(name, Histogram()) for name in names}


def duration_percentiles(action_ids: Iterable[str], percent: int) -> Inquiry[dict[str, int]]:
    checked_percent(percent)
    histograms = yield from durations(action_ids, failures_only=False)
    found = ((name, histogram.percentile(percent)) for name, histogram in histograms.items())
    return {name: duration for name, duration in found if duration is not None}


def scanner_stats(scanner_id: str) -> Inquiry[ScannerStats]:
    checked_name("scanner_id", scanner_id)
    answers = yield from each(lambda keys: statistics.scanner_stats(keys, scanner_id))
    return _scanner([*answers.values()]) if answers else ScannerStats(scanner_id)


def scanners() -> Inquiry[list[ScannerStats]]:
    answers = yield from each(statistics.scanners)
    return _by_name([*answers.values()], lambda stats: stats.scanner_id, _scanner)


def totals() -> Inquiry[Totals]:
    found = [*(yield from each(statistics.totals)).values()]
    return found[0] if len(found) == 1 else Totals(**_summed(found, *(field.name for field in fields(Totals))))


def _durations(names_of: Callable[[Keys], Iterable[str]], *, failures_only: bool) -> Inquiry[dict[str, Histogram]]:
    """Those of the actions that each namespace is said to have."""
    by_namespace = yield from each(
        lambda keys: statistics.durations(keys, names_of(keys), failures_only=failures_only)
    )
    answers = [*by_namespace.values()]
    if len(answers) == 1:
        return answers[0]
    found: defaultdict[str, list[Histogram]] = defaultdict(list)
    for answer in answers:
        for name, histogram in answer.items():
            found[name].append(histogram)
    return {name: _merged(histograms) for name, histograms in found.items()}


def _by_name(
    answers: Sequence[list[_Stats]], name_of: Callable[[_Stats], str], sum_of: Callable[[list[_Stats]], _Stats]
) -> list[_Stats]:
    """One for each name, the one with the latest activity first."""
    summed = answers[0] if len(answers) == 1 else []
    if len(answers) > 1:
        found: defaultdict[str, list[_Stats]] = defaultdict(list)
        for answer in answers:
            for stats in answer:
                found[name_of(stats)].append(stats)
        summed = [sum_of(of_a_name) for of_a_name in found.values()]
    return sorted(summed, key=lambda stats: order_of_any(stats.last_entry_id), reverse=True)


def _merged(histograms: list[Histogram]) -> Histogram:
    return histograms[0] if len(histograms) == 1 else Histogram.merged(histograms)


def _action(found: list[ActionStats]) -> ActionStats:
    if len(found) == 1:
        return found[0]
    timed = [stats for stats in found if stats.total_executions > stats.resolved]
    count = sum(stats.total_executions - stats.resolved for stats in timed)
    summed = _summed(
        found,
        *("total_executions", "successes", "failures", "orphaned", "duration_ms_sum", "resolved", "running"),
    )
    return replace(
        max(found, key=lambda stats: order_of_any(stats.last_entry_id)),
        **summed,
        **_latest(found, "last_at", "last_success_at", "last_failure_at"),
        last_error=_error_of(found, lambda stats: stats.last_failure_at),
        first_at=min((stats.first_at for stats in found if stats.first_at is not None), default=None),
        avg_duration_ms=summed["duration_ms_sum"] // count if count else 0,
        duration_ms_min=min((stats.duration_ms_min for stats in timed), default=0),
        duration_ms_max=max(stats.duration_ms_max for stats in found),
    )


def _scanner(found: list[ScannerStats]) -> ScannerStats:
    if len(found) == 1:
        return found[0]
    actions: Counter[str] = Counter()
    for stats in found:
        actions.update(stats.actions)
    return replace(
        max(found, key=lambda stats: order_of_any(stats.last_entry_id)),
        **_summed(found, "total_cleanups", "successes", "failures"),
        **_latest(found, "last_at"),
        last_error=_error_of([stats for stats in found if stats.failures], lambda stats: stats.last_at),
        actions=dict(sorted(actions.items())),
    )


def _error_of(found: Sequence[_Stats], failed_at: Callable[[_Stats], int | None]) -> str | None:
    """The error of the one that failed last."""
    latest = max(found, key=lambda stats: (failed_at(stats) or -1, order_of_any(stats.last_entry_id)), default=None)
    return None if latest is None else latest.last_error


def _summed(found: Iterable[Any], *names: str) -> dict[str, Any]:
    return {name: sum(getattr(stats, name) for stats in found) for name in names}


def _latest(found: Iterable[Any], *names: str) -> dict[str, Any]:
    times = {name: [at for stats in found if (at := getattr(stats, name)) is not None] for name in names}
    return {name: max(of_all, default=None) for name, of_all in times.items()}


def _success_rate(stats: ActionStats) -> float | None:
    return stats.successes / stats.total_executions if stats.total_executions else None


_RECKONED = ("success_rate", *(f"p{percent}_duration_ms" for percent in (50, 90, 95, 99)))


def reckoned(stats: ActionStats, histogram: Histogram) -> ActionStats:
    """With the success rate, and the percentiles of `histogram`, none of which is longer than the longest run."""
    longest = stats.duration_ms_max
    found = histogram.percentiles(50, 90, 95, 99)
    p50, p90, p95, p99 = (min(each, longest) if each and longest else each for each in found)
    reckoned = (_success_rate(stats), p50, p90, p95, p99)
    for name, value in zip(_RECKONED, reckoned, strict=True):
        # In place, because nobody else has seen `stats` yet: `replace` takes a quarter of the time of `actions`.
        object.__setattr__(stats, name, value)
    return stats
