"""Charts are well-formed SVG with nothing that a strict policy refuses, and show what there is in proportion."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from projector.query.questions.history import Point, Step
from projector.web.drawing.histogram import durations
from projector.web.drawing.over_time import over_time
from projector.web.drawing.scale import briefly, compact, ticks
from projector.web.drawing.sparkline import sparkline

HOSTILE = '</svg><script>alert("1")</script>\' onload=x & \x00\x1b[31m \u202eabc \U0001f600'
START = 1_790_002_800_000  # 2026-09-21 15:00 UTC
HOUR = 3_600_000
DRAWN: list[Callable[[str], Markup]] = [
    lambda label: over_time([point(0, runs=9, failures=2)], step="hour", label=label),
    lambda label: durations({10: 3, 20: 5}, percentiles={label: 11, "p99": None}, label=label),
    lambda label: sparkline([1, 2, 3], failures=[0, 1, 0], label=label),
]


def point(
    at: int, *, runs: int = 0, failures: int = 0, orphans: int = 0, step: int = HOUR, took: int | None = None
) -> Point:
    histogram = {} if took is None else {took: runs}
    return Point(START + at * step, runs, failures, orphans, 0, 0, took, took, histogram)


def parsed(drawn: Markup) -> Element:
    """Raises unless it is well-formed, accessible, and without styles, scripts and links."""
    assert isinstance(drawn, Markup)
    image = fromstring(drawn)
    assert (image.tag, image.get("role")) == ("svg", "img")
    assert image.get("aria-label")
    assert re.fullmatch(r"0 0 \d+ \d+", image.get("viewBox", ""))
    assert "chart" in image.get("class", "").split()
    for each in image.iter():
        assert each.tag in {"svg", "g", "title", "rect", "line", "polyline", "text"}
        assert not [name for name in each.attrib if name == "style" or name.startswith("on") or "href" in name]
    return image


def heights(image: Element, kind: str) -> list[float]:
    return [float(each.get("height", "")) for each in image.iter("rect") if each.get("class") == kind]


def titles(image: Element) -> list[str]:
    return [each.text or "" for each in image.iter("title")]


@pytest.mark.parametrize("draw", DRAWN)
def test_a_hostile_text_stays_a_text(draw: Callable[[str], Markup]) -> None:
    image = parsed(draw(HOSTILE))
    told = image.get("aria-label", "")
    assert told.startswith('</svg><script>alert("1")</script>\' onload=x & \\x00\\x1b[31m \\u202eabc')


def test_bars_over_time_are_as_high_as_their_counts_and_say_them() -> None:
    points = [
        point(0, runs=100, failures=25, took=1234),
        point(1),
        point(2, runs=50, orphans=1),
        point(3, runs=1, failures=1),
    ]
    image = parsed(over_time(points, step="hour", label="runs", until=START + 4 * HOUR - 1))
    passed, failed = heights(image, "bar"), heights(image, "bar failed")
    assert passed[0] == pytest.approx(3 * failed[0], abs=0.3)
    assert passed[1] == pytest.approx(2 * failed[0], abs=0.3)
    assert failed[1] > 1  # one in a hundred is seen
    assert titles(image) == [
        "2026-09-21 15:00 UTC: 100 runs, 25 failed, p95 1.2 s",
        "2026-09-21 17:00 UTC: 50 runs, 0 failed, 1 presumed dead",
        "2026-09-21 18:00 UTC: 1 run, 1 failed",
    ]
    assert [each.get("class") for each in image.iter("g")] == [None, None, "unfinished"]
    times = [each for each in image.iter("text") if each.get("class") == "time"]
    assert [(each.text, each.get("data-at")) for each in times][:2] == [
        ("09-21 15:00", str(START)),
        ("09-21 16:00", str(START + HOUR)),
    ]


def test_many_points_are_drawn_as_few_bars_that_add_them_up() -> None:
    points = [point(at, runs=2, failures=1, step=60_000, took=50) for at in range(360)]
    drawn = over_time(points, step="minute", label="runs")
    image = parsed(drawn)
    assert len(list(image.iter("g"))) == 120
    assert titles(image)[0].startswith("2026-09-21 15:00 to 2026-09-21 15:03 UTC: 6 runs, 3 failed, p95 ")
    assert len(drawn) < 40_000


def test_a_day_has_its_name_in_utc_for_every_reader() -> None:
    image = parsed(over_time([point(0, runs=1)], step="day", label="runs"))
    assert not [each for each in image.iter("text") if each.get("class") == "time"]
    assert titles(image) == ["2026-09-21 UTC: 1 run, 0 failed"]


@pytest.mark.parametrize("points", [[], [point(0)], [point(at) for at in range(24)]], ids=["none", "one", "zeros"])
@pytest.mark.parametrize("step", ["minute", "hour", "day"])
def test_a_time_in_which_nothing_ran_says_so(points: list[Point], step: Step) -> None:
    image = parsed(over_time(points, step=step, label="runs"))
    assert "nothing ran" in [each.text for each in image.iter("text")]
    assert not list(image.iter("rect"))


@pytest.mark.parametrize("buckets", [{}, {5: 0}])
def test_durations_of_nothing_say_so(buckets: dict[int, int]) -> None:
    image = parsed(durations(buckets, percentiles={"p50": None}, label="durations"))
    assert "nothing ran" in [each.text for each in image.iter("text")]


def test_durations_are_drawn_in_proportion_with_their_percentiles_in_order() -> None:
    buckets = dict.fromkeys(range(64), 10) | {1023: 20, 65_535: 5}
    image = parsed(durations(buckets, percentiles={"p50": 40, "p95": 63, "p99": 1023}, label="durations"))
    bars = heights(image, "bar")
    assert len(bars) <= 40
    assert bars[-2] == pytest.approx(4 * bars[-1], abs=0.5)
    assert titles(image)[-2:] == ["up to 1.0 s: 20 runs", "up to 1 min 5 s: 5 runs"]
    marks = [float(each.get("x1", "")) for each in image.iter("line") if each.get("class") == "line marker"]
    assert marks == sorted(marks, reverse=True)
    assert len(set(marks)) == 3
    words = [each.text or "" for each in image.iter("text")]
    assert {"p50 40 ms", "p95 63 ms", "p99 1.0 s", "10 ms", "1 s"} <= set(words)


@given(st.dictionaries(st.integers(0, 2**53), st.integers(0, 2**53), max_size=60), st.integers(0, 2**53))
def test_any_histogram_is_drawn_within_its_image(buckets: dict[int, int], mark: int) -> None:
    image = parsed(durations(buckets, percentiles={"p95": mark}, label="durations"))
    _, _, width, height = map(float, image.get("viewBox", "").split())
    bars = list(image.iter("rect"))
    assert len(bars) <= 40
    for each in bars:
        x, y, wide, tall = (float(each.get(name, "")) for name in ("x", "y", "width", "height"))
        assert 0 <= x <= x + wide <= width + 0.2
        assert -2 <= y <= y + tall <= height
        assert wide > 0


def test_a_sparkline_goes_up_with_its_values_and_shows_failures_below() -> None:
    image = parsed(sparkline([0, 5, 10], failures=[0, 5, 0], label="backup"))
    (line,) = image.iter("polyline")
    assert line.get("points") == "20,23 60,12 100,1"
    assert heights(image, "bar failed") == [11]


@pytest.mark.parametrize("values", [[], [0], [7], [0, 0], [2**53, 1], list(range(500))])
def test_a_sparkline_of_any_values_is_drawn(values: list[int]) -> None:
    image = parsed(sparkline(values, failures=values, label="any"))
    lines = list(image.iter("polyline"))
    assert len(lines) == (1 if values else 0)
    for each in lines:
        heights_of = [float(pair.split(",")[1]) for pair in each.get("points", "").split()]
        assert 2 <= len(heights_of) <= 60
        assert all(1 <= y <= 23 for y in heights_of)


@given(st.integers(0, 2**70))
def test_an_axis_has_few_round_numbers_and_room_for_the_greatest(most: int) -> None:
    marks = ticks(most)
    assert 2 <= len(marks) <= 4
    assert marks[0] == 0
    assert marks[-1] >= most
    assert marks[-1] <= max(1, 2.5 * most)
    assert str(marks[1]).rstrip("0") in {"1", "2", "5"}


def test_numbers_and_durations_are_said_shortly() -> None:
    assert [compact(count) for count in (0, 999, 1000, 1500, 20_000_000)] == ["0", "999", "1k", "1.5k", "20M"]
    assert [briefly(each) for each in (0, 100, 1000, 600_000, 36_000_000, 86_400_000_000)] == [
        "0 ms", "100 ms", "1 s", "10 min", "10 h", "1,000 d",
    ]  # fmt: skip
