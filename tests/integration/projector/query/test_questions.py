"""docs/questions.md: each question by its command and by its call, on two weeks of which the first is archived.

QUESTIONS_ENTRIES=1000000 makes it a million entries.
"""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import redis

from projector import Query
from projector.archive.archive import Archive
from projector.expectation import Expectation, check
from tests.support.archives import seal
from tests.support.commands import PROJECTOR, environment, run_command
from tests.support.projection import Log
from tests.support.servers import Server
from tests.support.story import DAY, HOUR, Story, op_of

_MANY = int(os.environ.get("QUESTIONS_ENTRIES", "20000"))
_SEGMENT = 20_000
NOW = {"success": True, "executed_at": 1_790_000_000_000}
_DOCUMENT = Path(__file__).parents[4] / "docs" / "questions.md"


class Told:
    """The log of the story, and who asks."""

    def __init__(self, log: Log, where: Path) -> None:
        self.now = int(datetime.now().timestamp() * 1000)
        self.story = Story(self.now, _MANY)
        self._log = log
        self._where = where
        entries = self.story.log()
        while page := list(islice(entries, 1000)):
            with log.client.pipeline(transaction=False) as pipe:
                for entry_id, operation in page:
                    pipe.xadd(log.key("wal"), {"op": op_of(operation)}, id=entry_id)
                pipe.execute()
        log.drain()
        self._archive_first_half()
        self.query = Query(log.url, log.namespace, archive=str(where), timeout=60)

    def _archive_first_half(self) -> None:
        key, archive = self._log.key("wal"), Archive.at(str(self._where), self._log.namespace)
        length = int(self._log.client.xlen(key))
        for at in range(0, length // 2, _SEGMENT):
            page: Any = self._log.client.xrange(key, count=min(length // 2 - at, _SEGMENT))
            seal(archive, [(entry_id, [*sum(fields.items(), ())]) for entry_id, fields in page])
            self._log.client.xtrim(key, maxlen=length - at - len(page), approximate=False)
        self._log.client.hincrby(self._log.key("checkpoint"), "trimmed", length // 2)

    def ask(self, *words: str, status: int = 0, **more: str) -> str:
        ended = run_command([*PROJECTOR, *words], env=self._environment() | more, text=True, timeout=300)
        assert ended.returncode == status, ended.stderr + ended.stdout
        return str(ended.stdout)

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen([*PROJECTOR, *words], env=self._environment(), stdout=subprocess.PIPE, text=True)

    def _environment(self) -> dict[str, str]:
        log = self._log
        return environment(WAL_URL=log.url, WAL_NAMESPACE=log.namespace, WAL_ARCHIVE=str(self._where), COLUMNS="160")

    def add(self, operation: dict[str, Any]) -> None:
        self._log.client.xadd(self._log.key("wal"), {"op": op_of(operation)})

    def failures_since(self, moment: int) -> list[dict[str, Any]]:
        """The newest first."""
        return [end for end in reversed(self.story.ends) if not end["success"] and moment_of(end) >= moment]


@pytest.fixture(scope="module")
def told(shared_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with redis.Redis.from_url(shared_server.url) as client:
        found = Told(Log(client, shared_server.url, "questions"), tmp_path_factory.mktemp("archive"))
        with found.query:
            yield found
        client.delete(*client.scan_iter("{questions}:*"))


def test_every_question_of_the_document_is_asked_here() -> None:
    asked = re.findall(r"^\| ([^|]+\?) \|", _DOCUMENT.read_text(), re.MULTILINE)
    here = Path(__file__).read_text()
    assert len(asked) >= 11
    assert [question for question in asked if f'"""{question}"""' not in here] == []


def test_what_failed_since_yesterday(told: Told) -> None:
    """What failed since yesterday?"""
    since = told.now - 2 * DAY  # further back than the lists of the projection reach
    expected = [end["entry_id"] for end in told.failures_since(since)]
    found = told.query.recent_failures(None, since=since)
    assert [record.entry_id for record in found] == expected
    assert found.complete
    shown = json.loads(told.ask("failures", "--since", str(since), "--json"))
    assert [record["entry_id"] for record in shown["records"]] == expected
    assert (shown["complete"], shown["records"][0]["labels"]["user"]) == (True, "ada")


def test_how_long_an_action_takes_this_week_and_the_last(told: Told) -> None:
    """p95 of deploy, this week and last?"""
    today = told.now - told.now % DAY
    found = told.query.history("deploy", since=today - 13 * DAY, step="day")
    for first, last in ((today - 13 * DAY, today - 7 * DAY), (today - 6 * DAY, today + DAY)):
        taken = [
            end["duration_ms"]
            for end in told.story.ends
            if end["action_id"] == "deploy" and first <= moment_of(end) < last
        ]
        exact, told_so = nearest_rank(taken, 95), found.between(first, last).percentile(95)
        assert told_so is not None
        assert abs(told_so - exact) <= exact / 16
    shown = told.ask("history", "deploy", "--by", "day")
    assert "p95" in shown
    assert "week" in shown


def test_what_was_done_to_a_resource(told: Told) -> None:
    """What was deleted from lock:deploy, when, by which user on which host, in which run?"""
    expected = [
        (each["entry_id"], each["action"], each["executed_at"], "ada", "h1", each["execution_id"])
        for each in reversed(told.story.cleanups)
        if each["resource_id"] == "lock:deploy"
    ]
    assert len(expected) >= 4
    deeds = json.loads(told.ask("trail", "lock:deploy", "--json"))["records"]
    found = [
        (
            *(deed["entry_id"], deed["action"], deed["timestamp"]),
            *(deed["labels"]["user"], deed["labels"]["host"], deed["execution_id"]),
        )
        for deed in deeds
    ]
    assert found == expected
    assert [deed.entry_id for deed in told.query.trail("lock:deploy")] == [each[0] for each in expected]


@pytest.mark.parametrize("place", ["archived", "in the log"])
def test_the_output_of_a_failed_run(told: Told, place: str) -> None:
    """The output of that failed run?"""
    failed = [end for end in told.story.ends if not end["success"]]
    run = failed[0 if place == "archived" else -1]["execution_id"]
    assert told.query.show(run).output == f"line of {run}\n"
    assert f"line of {run}" in told.ask("show", run)


def test_what_ran_between_two_moments(told: Told) -> None:
    """What ran between 2 and 3, by its end?"""
    since, until = told.now - 9 * DAY, told.now - 9 * DAY + HOUR // 2
    expected = [end["entry_id"] for end in reversed(told.story.ends) if since <= moment_of(end) < until]
    assert expected
    found = told.query.recent_action_executions(None, since=since, until=until)
    assert [record.entry_id for record in found] == expected
    shown = told.ask("recent", "--since", str(since), "--until", str(until), "--jsonl")
    assert [json.loads(line)["entry_id"] for line in shown.splitlines()] == expected


def test_which_cron_did_not_run(told: Told, tmp_path: Path) -> None:
    """Which cron did not run last night?"""
    settings = tmp_path / "config.toml"
    settings.write_text('[expect.deploy]\nevery = "2h"\nmax_failures = 9\n[expect.nightly]\nevery = "26h"\n')
    found = check(
        told.query,
        [
            Expectation(action_id="deploy", every_ms=2 * HOUR, max_failures=9),
            Expectation(action_id="nightly", every_ms=26 * HOUR),
        ],
    )
    assert [judgement.expectation.action_id for judgement in found if judgement.state.name == "CRITICAL"] == [
        "nightly"
    ]
    shown = told.ask("check", "--all", status=2, WAL_CONFIG=str(settings))
    assert shown.startswith("CRITICAL")
    assert "nightly" in shown.splitlines()[0]


def test_runs_per_hour(told: Told) -> None:
    """Runs per hour this week?"""
    since = told.now - 7 * DAY
    found = told.query.history(since=since, step="hour")
    first = since - since % HOUR
    assert len(found.points) in (168, 169)
    assert found.runs == sum(moment_of(end) >= first for end in told.story.ends)
    by_hour = Counter(moment_of(end) // HOUR * HOUR for end in told.story.ends)
    assert [point.runs for point in found.points] == [by_hour[point.start] for point in found.points]
    shown = json.loads(told.ask("history", "--by", "hour", "--since", str(since), "--json"))
    assert [point["runs"] for point in shown["records"]] == [point.runs for point in found.points]


def test_what_happens_now(told: Told) -> None:
    """What happens now?"""
    tail = told.start("tail", "-n", "1", "--jsonl")
    try:
        assert tail.stdout is not None
        assert json.loads(tail.stdout.readline())["type"] == "action_execution_started"
        told.add({"type": "cleanup_executed", "scanner_id": "s", "resource_id": "r", "action": "release"} | NOW)
        assert json.loads(tail.stdout.readline())["operation"]["resource_id"] == "r"
        following = iter(told.query.log(follow=True, limit=1))
        assert next(following).type == "cleanup_executed"
        told.add({"type": "cleanup_executed", "scanner_id": "s", "resource_id": "q", "action": "release"} | NOW)
        assert (next(following).operation or {})["resource_id"] == "q"
    finally:
        tail.send_signal(signal.SIGINT)
        tail.communicate(timeout=30)


@pytest.mark.parametrize("place", ["archived", "in the log"])
def test_everything_about_a_run(told: Told, place: str) -> None:
    """Everything about run X?"""
    ends = [end for end in told.story.ends if end["action_id"] == "deploy"]
    end = ends[0 if place == "archived" else -1]
    shown = json.loads(told.ask("show", end["execution_id"], "--json"))
    found = told.query.show(end["execution_id"])
    assert found.run is not None
    for run in (shown["run"], asdict(found.run)):
        assert (run["command"], run["exit_code"], run["duration_ms"]) == (
            *("make deploy", end["exit_code"]),
            end["duration_ms"],
        )
        assert run["labels"] == {"host": "h1", "user": "ada", "cwd": "/srv"}


def test_what_is_new_among_the_failures(told: Told) -> None:
    """What is new among the failures?"""
    since = told.now - DAY
    new = [kind for kind in told.query.failure_kinds(since=since) if kind.new]
    assert [(kind.kind, kind.count) for kind in new] == [("disk <path> is full", 1)]
    shown = told.ask("failures", "--grouped", "--since", str(since))
    assert "disk <path> is full" in shown
    assert "NEW" in shown


def test_what_is_running_for_too_long(told: Told) -> None:
    """What is running for too long?"""
    (stuck,) = [run for run in told.query.running() if run.overdue]
    assert (stuck.action_id, stuck.p95_duration_ms, told.now - stuck.started_at) == ("stuck", 999, 2 * HOUR)
    shown = told.ask("in-flight")
    assert re.search(r"2 h \d+ min +999 ms  stuck", shown)


def moment_of(end: dict[str, Any]) -> int:
    return int(end["entry_id"].partition("-")[0])


def nearest_rank(values: list[int], percent: int) -> int:
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]
