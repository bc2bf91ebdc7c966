"""Charts are well-formed SVG with nothing that a strict policy refuses, and show what there is in proportion."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from projector.query.questions.history import Point
from projector.web.drawing.histogram import durations
from projector.web.drawing.over_time import over_time
from projector.web.drawing.sparkline import sparkline

HOSTILE = '</svg><script>alert("1")</script>\' onload=x & \x00\x1b[31m \u202eabc \U0001f600'
START = 1_790_002_800_000  # 2026-09-21 15:00 UTC
HOUR = 3_600_000
DRAWN: list[Callable[[str], Markup]] = [
    lambda label: over_time([point(0, runs=9, failures=2)], step="hour", label=label),
    lambda label: durations({10: 3, 20: 5}, percentiles={label: 11, "p99": None}, label=label),
    lambda label: sparkline([1, 2, 3], failures=[0, 1, 0], label=label),
]


def point(at: int, *, runs: int = 0, failures: int = 0, orphans: int = 0, took: int | None = None) -> Point:
    return Point(START + at * HOUR, runs, failures, orphans, 0, 0, took, took, {})


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
    told = parsed(draw(HOSTILE)).get("aria-label", "")
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
        "2026-09-21 15:00 UTC: 100 runs, 25 failed, 0 presumed dead, p95 1.2 s",
        "2026-09-21 17:00 UTC: 50 runs, 0 failed, 1 presumed dead, p95 –",
        "2026-09-21 18:00 UTC: 1 run, 1 failed, 0 presumed dead, p95 –",
    ]
    assert [each.get("class") for each in image.iter("g")] == [None, None, "unfinished"]
    times = [(each.text, each.get("data-at")) for each in image.iter("text") if each.get("class") == "time"]
    assert times[:2] == [("09-21 15:00", str(START)), ("09-21 16:00", str(START + HOUR))]


def test_a_day_has_its_name_in_utc_for_every_reader() -> None:
    image = parsed(over_time([point(0, runs=1)], step="day", label="runs"))
    assert ("label", "09-21") in [(each.get("class"), each.text) for each in image.iter("text")]
    assert not [each for each in image.iter() if each.get("data-at")]
    assert titles(image)[0].startswith("2026-09-21 UTC: ")


NOTHING = [
    *(over_time([point(at) for at in range(count)], step="hour", label="runs") for count in (0, 1, 24)),
    durations({}, percentiles={"p50": None}, label="durations"),
    durations({5: 0}, percentiles={"p50": 5}, label="durations"),
]


@pytest.mark.parametrize("drawn", NOTHING)
def test_where_nothing_ran_a_chart_says_so(drawn: Markup) -> None:
    image = parsed(drawn)
    assert [each.text for each in image.iter("text")] == ["nothing ran"]
    assert not list(image.iter("rect"))


@pytest.mark.parametrize(
    ("runs", "axis"),
    [(1, ["0", "1", "2"]), (950, ["0", "500", "1k"]), (6001, ["0", "4k", "8k"]), (2**53, ["0", "5P", "10P"])],
)
def test_an_axis_has_round_numbers_and_room_for_the_greatest(runs: int, axis: list[str]) -> None:
    drawn = over_time(
        [point(at, runs=runs, failures=runs // 2, orphans=1) for at in range(60)], step="hour", label="runs"
    )
    image = parsed(drawn)
    assert [each.text for each in image.iter("text") if each.get("text-anchor") == "end"][:3] == axis
    assert min(float(each.get("y", "")) for each in image.iter("rect")) > 15
    assert len(drawn) < 30_000


def test_durations_are_drawn_in_proportion_with_their_percentiles_in_order() -> None:
    buckets = dict.fromkeys(range(64), 10) | {1023: 20, 65_535: 5}
    image = parsed(durations(buckets, percentiles={"p50": 40, "p95": 63, "p99": 1023}, label="durations"))
    bars = heights(image, "bar")
    assert bars[-2] == pytest.approx(4 * bars[-1], abs=0.5)
    marks = [each for each in image.iter("line") if each.get("class") == "marker"]
    assert ["".join(each.itertext()) for each in marks] == ["p50 40 ms", "p95 63 ms", "p99 1.0 s"]
    places = [float(each.get("x1", "")) for each in marks]
    assert places == sorted(set(places))
    assert "p50 40 ms · p95 63 ms · p99 1.0 s" in [each.text for each in image.iter("text")]
    (bar,) = [each for each in image.iter("g") if "".join(each.itertext()) == "up to 1.0 s: 20 runs"]
    edge = float(bar[1].get("x", "")) + float(bar[1].get("width", ""))
    assert edge <= places[-1] <= edge + 0.2 * float(bar[1].get("width", ""))  # none took longer than its bar says


@given(st.dictionaries(st.integers(0, 2**53), st.integers(0, 2**53), max_size=60), st.integers(0, 2**53))
def test_any_histogram_is_drawn_within_its_image(buckets: dict[int, int], mark: int) -> None:
    image = parsed(durations(buckets, percentiles={"p95": mark}, label="durations"))
    _, _, width, height = map(float, image.get("viewBox", "").split())
    bars = list(image.iter("rect"))
    assert len(bars) <= 40
    for each in bars:
        x, y, wide, tall = (float(each.get(name, "")) for name in ("x", "y", "width", "height"))
        assert 0 <= x <= x + wide <= width
        assert 0 <= y <= y + tall <= height
        assert wide > 0
    assert all(0 <= float(each.get("x1", "")) <= width for each in image.iter("line"))


def test_a_sparkline_goes_up_with_its_values_and_shows_failures_below() -> None:
    image = parsed(sparkline([0, 5, 10], failures=[0, 5, 0], label="backup"))
    (line,) = image.iter("polyline")
    assert line.get("points") == "0.0,23.0 40.0,23.0 40.0,12.0 80.0,12.0 80.0,1.0 120.0,1.0"
    assert heights(image, "bar failed") == [11]


@pytest.mark.parametrize("values", [[], [0], [7], [0, 0], [2**53, 1]])
def test_a_sparkline_of_any_values_is_drawn(values: list[int]) -> None:
    image = parsed(sparkline(values, failures=values, label="any"))
    (line,) = image.iter("polyline")
    places = [float(pair.split(",")[1]) for pair in line.get("points", "").split()]
    assert len(places) == 2 * len(values)
    assert all(1 <= y <= 23 for y in places)
    assert all(tall >= 1.5 for tall in heights(image, "bar failed"))
