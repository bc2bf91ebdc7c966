"""What ended over time: a bar for each bucket, with the failed on top."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from producer.text.moment import datetime_of
from producer.text.wording import counted
from projector.answers.wording.amounts import duration
from projector.query.questions.history import KEPT, Point, Step, histogram_of
from projector.web.drawing.plot import WIDTH, Plot
from projector.web.drawing.svg import element, image

_MOST_BARS = 120
"""More cannot be told apart, and would make the page large: neighbours are drawn together."""
_LABELS = 5
_BESIDE_THE_AXIS = {"minute": "%H:%M", "hour": "%m-%d %H:%M", "day": "%m-%d"}
_IN_FULL = {"minute": "%Y-%m-%d %H:%M", "hour": "%Y-%m-%d %H:%M", "day": "%Y-%m-%d"}


def over_time(points: Sequence[Point], *, step: Step, label: str, until: int | None = None) -> Markup:
    """`points` are neighbours, each of one `step`; a bar that goes on beyond `until` (epoch ms) is `unfinished`."""
    length = KEPT[step].length
    size = -(-len(points) // _MOST_BARS) or 1
    bars = [points[at : at + size] for at in range(0, len(points), size)]
    plot = Plot(max((sum(_height(point) for point in bar) for bar in bars), default=0))
    return image(WIDTH, plot.height, label, _drawn(plot, bars, step, length, until))


def _drawn(
    plot: Plot, bars: Sequence[Sequence[Point]], step: Step, length: int, until: int | None
) -> Iterator[Markup]:
    yield from plot.grid()
    if not plot.most:
        yield plot.nothing()
    every = -(-len(bars) // _LABELS)
    for at, bar in enumerate(bars):
        start, end = bar[0].start, bar[-1].start + length
        runs = sum(point.runs for point in bar)
        failures = sum(point.failures for point in bar)
        dead = sum(point.orphans for point in bar)
        parts = (("bar", runs - failures), ("bar failed", failures), ("bar dead", dead))
        if drawn := list(plot.stack((at + 0.1) / len(bars), (at + 0.9) / len(bars), parts)):
            kind = "unfinished" if until is not None and end > until else None
            yield element("g", element("title", _told(bar, step, end, runs, failures, dead)), *drawn, class_=kind)
        if at % every == every // 2:
            words = f"{datetime_of(start):{_BESIDE_THE_AXIS[step]}}"
            share = (at + 0.5) / len(bars)
            # A day is one of UTC, and has another name in no zone.
            yield plot.below(words, share) if step == "day" else plot.below(words, share, kind="time", at=start)


def _height(point: Point) -> int:
    return max(point.runs, point.failures) + point.orphans


def _told(bar: Sequence[Point], step: Step, end: int, runs: int, failures: int, dead: int) -> str:
    """`2026-11-26 14:00 UTC: 120 runs, 3 failed, p95 1.2 s`."""
    span = f"{datetime_of(bar[0].start):{_IN_FULL[step]}}"
    if len(bar) > 1:
        span += f" to {datetime_of(end):{_IN_FULL[step]}}"
    parts = [counted(runs, "run"), f"{failures:,} failed"]
    if dead:
        parts.append(f"{dead:,} presumed dead")
    if (p95 := _p95(bar)) is not None:
        parts.append(f"p95 {duration(p95)}")
    return f"{span} UTC: {', '.join(parts)}"


def _p95(bar: Sequence[Point]) -> int | None:
    if len(bar) == 1:
        return bar[0].p95_duration_ms
    durations: Counter[int] = Counter()
    for point in bar:
        durations.update(point.durations)
    return histogram_of(durations).percentile(95)
