"""Percentiles of durations from a histogram, and the runs that stand out against them."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import fakeredis
import pytest

from projector.cli.display.tables import FAILURE, IN_FLIGHT, ORPHANS, table_of
from projector.cli.options import View
from projector.errors import Damaged, InvalidQuery
from projector.fold.histogram import bucket_of
from projector.query import Query
from projector.query.histogram import Histogram
from projector.query.overview import beside_usual
from tests.support.report import NOW, RUNNING, report


def histogram(durations: list[int]) -> dict[bytes, bytes]:
    counts: dict[int, int] = {}
    for one in durations:
        counts[bucket_of(one)] = counts.get(bucket_of(one), 0) + 1
    return {str(bound).encode(): str(count).encode() for bound, count in counts.items()}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("percent", [1, 50, 95, 100])
def test_a_percentile_is_in_the_bucket_that_the_exact_one_is_in(seed: int, percent: int) -> None:
    random_ = random.Random(seed)
    durations = [int(random_.lognormvariate(6, 2)) for _ in range(random_.randint(1, 500))]
    exact = sorted(durations)[math.ceil(len(durations) * percent / 100) - 1]
    found = Histogram.of_hash(histogram(durations), b"k").percentile(percent)
    assert found is not None
    assert bucket_of(found) == bucket_of(exact)


def test_without_a_duration_there_is_none() -> None:
    assert Histogram().percentile(95) is None


@pytest.fixture
def client() -> Any:
    return fakeredis.FakeRedis(version=(7, 2))


def test_actions_that_have_not_ended_are_left_out(client: Any) -> None:
    client.hset("{otters}:durations:a", mapping=histogram([10] * 95 + [1000] * 5))
    client.hset("{otters}:durations:b", mapping=histogram([7]))
    query = Query(client)
    assert query.duration_percentiles(["a", "b", "never", "a"]) == {"a": 10, "b": 7}
    assert query.duration_percentiles(["a"], 96) == {"a": 999}
    assert query.duration_percentiles([]) == {}


def test_what_is_no_histogram_is_damage(client: Any) -> None:
    client.hset("{otters}:durations:a", "x", "1")
    with pytest.raises(Damaged, match="durations:a"):
        Query(client).duration_percentiles(["a"])


@pytest.mark.parametrize("percent", [0, 101, True, 95.0])
def test_a_percentage_that_is_none_is_refused(client: Any, percent: Any) -> None:
    with pytest.raises(InvalidQuery, match="percent"):
        Query(client).duration_percentiles(["a"], percent)


def styles(usual: dict[str, int] | None) -> list[str]:
    """How the time stands out that a run of two minutes has taken; None: it is presumed dead."""
    columns, runs = (ORPHANS, [RUNNING]) if usual is None else (IN_FLIGHT, beside_usual([RUNNING], usual, now=NOW))
    table = table_of(columns, runs, View(now=NOW), width=80)
    return [str(cell.style) for cell in table.columns[0]._cells]  # type: ignore[union-attr]


def test_a_run_longer_than_its_actions_p95_stands_out() -> None:
    elapsed = NOW - RUNNING.started_at
    assert styles({"backup": elapsed - 1}) == [FAILURE]
    assert styles({"backup": elapsed}) == [""]
    assert styles({"another": 1}) == [""]
    assert styles(None) == [""]


def test_the_p95_stands_beside_what_runs() -> None:
    page = report()
    page.in_flight(beside_usual([RUNNING, replace(RUNNING, action_id="new")], {"backup": 60_000}, now=NOW))
    heading, backup, new = (line.split() for line in page.text().splitlines()[:3])
    assert heading[:3] == ["For", "p95", "Action"]
    assert " ".join(backup).startswith("2 min 3 s 1 min 0 s backup")
    assert " ".join(new).startswith("2 min 3 s – new")


def test_what_runs_for_longer_than_usual_is_told_by_itself_or_not_at_all() -> None:
    page = report()
    usual = {"backup": 60_000, "quick": 10**9}
    page.overdue(beside_usual([RUNNING, replace(RUNNING, action_id="quick")], usual, now=NOW))
    assert "Running for longer than usual" in page.text()
    assert "quick" not in page.text()
    none = report()
    none.overdue(beside_usual([RUNNING], {}, now=NOW))
    assert "longer" not in none.text()
