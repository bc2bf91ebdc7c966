"""Failures by kind: what is new first, how often, since when; by the library and by `failures --grouped`."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from projector.bounds import Bounds
from projector.errors import Damaged, InvalidQuery
from projector.query import Query
from tests.support.commands import projector
from tests.support.projection import Log, completed

pytestmark = pytest.mark.server

NOW = int(time.time() * 1000)
HOUR = 3_600_000


@pytest.fixture
def query(log: Log) -> Query:
    return Query(log.client, log.namespace)


def failed(log: Log, action: str, error: str | None, *, hours_ago: float) -> None:
    log.add(completed(action, False, error=error, completed_at=NOW - int(hours_ago * HOUR)))


@pytest.fixture
def failures(log: Log) -> Log:
    """A kind that goes on for a day, one that is new, one that has ended, of two actions."""
    for hours in (30, 20, 0.5):
        failed(log, "deploy", f"connection to 10.0.0.{round(hours)}:5432 refused", hours_ago=hours)
    for hours in (1.5, 1):
        failed(log, "backup", f"disk full: {round(hours * 100)} of 4096 bytes", hours_ago=hours)
    failed(log, "deploy", "no such image", hours_ago=50)
    failed(log, "sync", None, hours_ago=40)
    log.add(completed("fine"))
    log.drain()
    return log


@pytest.mark.usefixtures("failures")
def test_failures_that_differ_in_numbers_and_addresses_are_one_kind_the_latest_first(query: Query) -> None:
    kinds = query.failure_kinds()
    assert [(kind.action_id, kind.count) for kind in kinds] == [
        *(("deploy", 3), ("backup", 2), ("sync", 1), ("deploy", 1))
    ]
    going_on = kinds[0]
    assert going_on.example == "connection to 10.0.0.0:5432 refused"
    assert "<address>" in going_on.kind
    assert (going_on.first_at, going_on.last_at) == (NOW - 30 * HOUR, NOW - HOUR // 2)
    assert (going_on.new, kinds.complete) == (None, True)
    assert kinds[2].kind == "(none)"


@pytest.mark.usefixtures("failures")
def test_since_a_moment_what_is_new_comes_first_and_what_was_not_seen_again_is_left_out(query: Query) -> None:
    kinds = query.failure_kinds(since=NOW - 2 * HOUR)
    assert [(kind.action_id, kind.new) for kind in kinds] == [("backup", True), ("deploy", False)]
    assert [kind.count for kind in query.failure_kinds("deploy", since=NOW - 2 * HOUR)] == [3]
    assert query.failure_kinds("never") == []


@pytest.mark.usefixtures("failures")
def test_a_limit_says_that_there_are_more(query: Query) -> None:
    assert (len(query.failure_kinds(limit=3)), query.failure_kinds(limit=3).complete) == (3, False)
    assert query.failure_kinds(limit=4).complete


def test_kinds_that_were_pushed_out_are_told_and_never_called_new(log: Log, query: Query) -> None:
    for number in range(60):
        word = "".join(chr(ord("a") + int(digit)) for digit in str(number))
        failed(log, "deploy", f"no such thing as {word}", hours_ago=1)
    log.drain()
    kinds = query.failure_kinds(since=NOW - 2 * HOUR)
    others = [kind for kind in kinds if kind.kind == "(other)"]
    assert sum(kind.count for kind in kinds) == 60
    assert [other.new for other in others] == [None]
    assert not kinds.complete


def test_kinds_of_actions_that_were_evicted_are_not_called_complete(log: Log) -> None:
    few = Log(log.client, log.url, log.namespace, Bounds(max_actions=1))
    for action in ("deploy", "backup"):
        failed(few, action, "no room", hours_ago=1)
    few.drain()
    kinds = Query(log.client, log.namespace).failure_kinds()
    assert ([kind.action_id for kind in kinds], kinds.complete) == (["backup"], False)


def test_a_wrong_argument_and_a_value_that_nobody_wrote_are_told(log: Log, query: Query) -> None:
    with pytest.raises(InvalidQuery, match="since: expected epoch milliseconds"):
        query.failure_kinds(since="yesterday")  # type: ignore[arg-type]
    log.client.hset(log.key("failure_kinds:deploy"), "kind", "garbage")
    with pytest.raises(Damaged, match="failure_kinds:deploy"):
        query.failure_kinds("deploy")


class TestCommand:
    def options(self, log: Log) -> list[str]:
        return ["--url", log.url, "--namespace", log.namespace]

    def test_new_kinds_are_marked_and_first(self, failures: Log) -> None:
        shown = projector("failures", "--grouped", "--since", "2h", *self.options(failures)).stdout.splitlines()
        assert [line.split()[0] for line in shown[1:3]] == ["NEW", "3"]
        assert "deploy" in shown[2]

    def test_json_has_all_of_a_kind(self, failures: Log) -> None:
        def answered(*arguments: str) -> Any:
            shown = projector("failures", "--grouped", "--json", *arguments, *self.options(failures))
            return json.loads(shown.stdout)

        found = answered("--since", "2h")
        assert (found["version"], found["complete"]) == (1, True)
        assert [record["new"] for record in found["records"]] == [True, False]
        expected = {"action_id", "kind", "count", "first_at", "last_at", "at", "example", "last_entry_id"}
        assert expected <= set(found["records"][0])
        cut = answered("--limit", "1")
        assert (len(cut["records"]), cut["complete"]) == (1, False)

    def test_those_of_one_action_and_no_other_filter(self, failures: Log) -> None:
        def asked(*arguments: str, status: int = 0) -> str:
            ended = projector("failures", "--grouped", *arguments, *self.options(failures))
            assert ended.returncode == status
            return ended.stdout + ended.stderr

        found = json.loads(asked("--action", "deploy", "--json"))["records"]
        assert [kind["action_id"] for kind in found] == ["deploy", "deploy"]
        assert "there is no action deplyo" in asked("--action", "deplyo", status=1)
        for refused in (("--action", "d*"), ("--host", "h"), ("--until", "now")):
            assert "no filter but --since, and --action" in " ".join(asked(*refused, status=2).split())

    @pytest.mark.parametrize("columns", ["60", "200"])
    def test_names_and_errors_of_any_origin_stand_in_a_line_each(self, log: Log, columns: str) -> None:
        odd = "\x1b[31m\n\u202e🚀[bold]" + "x" * 180
        failed(log, odd, f"{odd} is broken", hours_ago=1)
        log.drain()
        heading, line, *_ = projector(
            "failures", "--grouped", *self.options(log), COLUMNS=columns
        ).stdout.splitlines()
        assert heading.split()[:2] == ["Count", "Last"]
        assert r"\x1b[31m\n" in line
        assert len(line) <= int(columns)

    def test_nothing_failed_is_said(self, log: Log) -> None:
        assert "nothing has been recorded" in projector("failures", "--grouped", *self.options(log)).stdout

    def test_more_kinds_than_are_shown_are_told(self, failures: Log) -> None:
        shown = projector("failures", "--grouped", "--limit", "2", *self.options(failures)).stdout
        assert "there are more than these 2: --limit" in shown
        whole = projector("failures", "--grouped", *self.options(failures)).stdout
        assert "more than" not in whole

    def test_failures_that_are_asked_for_and_not_there_are_not_called_none_at_all(self, failures: Log) -> None:
        asked = ("--host", "nosuch")
        assert "no failed execution is like that\n" in projector("failures", *asked, *self.options(failures)).stdout
