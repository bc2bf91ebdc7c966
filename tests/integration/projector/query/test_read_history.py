"""`projector history`: bars, this week beside the last, documents; on any width, in a pipe, with odd names."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime
from typing import Any

import pytest

from tests.support.commands import projector
from tests.support.projection import Log, completed, started

pytestmark = pytest.mark.server

DEAD = {"reason": "silent", "orphaned_at": 1_790_000_000_000}
HOUR, DAY = 3_600_000, 86_400_000
ODD = "\x1b[31m\n\u202e🚀[bold]" + "x" * 180


@pytest.fixture
def now() -> int:
    return int(time.time() * 1000)


@pytest.fixture
def weeks(log: Log, now: int) -> list[str]:
    """Two runs of deploy in the last week, of which one failed, four in the week before; one of an odd name."""
    ended = [(9 * DAY, True, 100), (9 * DAY - 1, True, 100), (8 * DAY, True, 200), (8 * DAY - 1, True, 200)]
    ended += [(2 * HOUR, False, 1000), (1, True, 4000)]
    for number, (ago, success, took) in enumerate(ended):
        log.add(completed("deploy", success, duration_ms=took), entry_id=f"{now - ago}-{number}")
    log.add(completed(ODD), entry_id=f"{now}-0")
    log.drain()
    return ["--url", log.url, "--namespace", log.namespace]


def shown(*arguments: str, columns: int) -> str:
    """The command's page on a pipe of so many columns."""
    ended = projector(*arguments, COLUMNS=str(columns))
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_each_hour_is_a_bar_and_this_week_stands_beside_the_last(weeks: list[str], columns: int) -> None:
    page = shown("history", "deploy", *weeks, columns=columns)
    lines = page.splitlines()
    assert max(map(len, lines)) <= columns
    assert lines[0].split()[:5] == ["When", "Runs", "Failed", "p95", "Week"]
    assert len([line for line in lines if ":00 " in line]) == 24
    assert "█" in page
    assert "▒" in page
    week = {line.split()[0]: line.split() for line in lines if line.startswith(("This", "Last", "Change"))}
    assert week["This"][2:] == ["2", "50.0", "%", "3.9", "s"]
    assert week["Last"][2:] == ["4", "0.0", "%", "199", "ms"]
    assert week["Change"][1:5] == ["-50", "%", "+50.0", "points"]


def test_runs_presumed_dead_have_a_column_where_there_are_any(weeks: list[str], log: Log) -> None:
    assert "Dead" not in shown("history", *weeks, columns=80)
    log.add(started("deploy", "lost"))
    log.add(json.dumps({"type": "action_execution_orphaned", "action_id": "deploy", "execution_id": "lost"} | DEAD))
    log.drain()
    heading, *hours = shown("history", *weeks, columns=60).splitlines()[:25]
    assert heading.split()[:5] == ["When", "Runs", "Failed", "Dead", "p95"]
    assert max(map(len, hours)) <= 60
    counts = [re.sub("[█-▏▒]", "", hour).split()[2:5] for hour in hours]
    assert sum(int(dead) for _, _, dead in counts) == 1


def test_by_day_each_day_stands_beside_that_of_a_week_before(weeks: list[str]) -> None:
    lines = shown("history", "deploy", "--by", "day", "--since", "9d", *weeks, columns=80).splitlines()
    days = lines[1 : lines.index("")]
    assert len(days) == 10
    runs = [int(re.sub("[█-▏▒]", "", line).split()[2]) for line in days]
    assert sum(runs) == 6


def test_by_minute_nothing_stands_beside_for_a_week_of_minutes_is_not_kept(weeks: list[str]) -> None:
    page = shown("history", "--by", "minute", "--since", "5m", *weeks, columns=80)
    assert "Week ago" not in page
    assert "This week" in page


def test_documents_have_every_point_with_its_moment(weeks: list[str]) -> None:
    def run(*arguments: str) -> str:
        return projector("history", "deploy", "--since", "3h", *arguments, *weeks).stdout

    found: Any = json.loads(run("--json"))
    envelope = [found[name] for name in ("version", "complete", "step", "action_id")]
    assert envelope == [1, True, "hour", "deploy"]
    points = found["records"]
    assert (found["since"], len(points)) == (points[0]["start"], 4)
    assert sum(point["runs"] for point in points) == 2
    assert {"failures", "orphans", "p50_duration_ms", "p95_duration_ms", "durations"} <= set(points[0])
    assert all(datetime.fromisoformat(point["at"]).timestamp() * 1000 == point["start"] for point in points)
    assert [json.loads(line) for line in run("--jsonl").splitlines()] == points
    heading, *rows = run("--format", "csv").splitlines()
    assert heading.startswith("start,at,runs,failures,")
    assert [row.split(",")[0] for row in rows] == [str(point["start"]) for point in points]


def test_what_is_no_longer_kept_is_said(weeks: list[str]) -> None:
    page = shown("history", "--since", "30d", *weeks, columns=100)
    assert "not complete before" not in page  # the log is younger than that
    assert len([line for line in page.splitlines() if ":00 " in line]) == 336


def test_a_trimmed_log_has_an_end(weeks: list[str], log: Log) -> None:
    log.client.hset(log.key("checkpoint"), "trimmed", 1)
    page = shown("history", "--since", "30d", *weeks, columns=100)
    assert "not complete before 20" in page
    assert "hours are kept for 14 days, of the first 1,000 actions in each" in " ".join(page.split())


def test_an_hour_of_which_nothing_is_kept_has_no_count_a_week_later(weeks: list[str], log: Log, now: int) -> None:
    """A zero would say that nothing ran."""
    log.client.hset(log.key("checkpoint"), "trimmed", 1)
    page = shown("history", "deploy", "--by", "hour", "--since", str(now - 13 * DAY), *weeks, columns=100)
    rows = [line for line in page.splitlines() if ":00 " in line]
    assert rows[0].split()[-3:] == ["–", "–", "–"]
    assert rows[-1].split()[-3:-1] == ["0", "0"]


def test_an_odd_name_is_no_trouble(weeks: list[str]) -> None:
    assert "This week" in shown("history", ODD, *weeks, columns=60)


def test_an_action_never_seen_is_told_and_with_json_is_zeros(weeks: list[str]) -> None:
    ended = projector("history", "deplyo", *weeks)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "Did you mean deploy?" in ended.stderr
    assert json.loads(projector("history", "deplyo", "--json", *weeks).stdout)["complete"] is True


def test_a_wrong_step_is_usage_and_says_what_is_kept(weeks: list[str]) -> None:
    ended = projector("history", "deploy", "--by", "minute", *weeks)
    assert ended.returncode == 2
    assert "hours are kept for 14 days" in ended.stderr


def test_an_empty_namespace_says_so(log: Log) -> None:
    ended = projector("history", "--url", log.url, "--namespace", log.namespace)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "nothing has been recorded" in ended.stdout
