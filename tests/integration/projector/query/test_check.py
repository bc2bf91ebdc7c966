"""`projector check` as monitoring systems run it: a line, its performance data, and the status, on a real server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from projector import Query
from projector.expectation import Expectation, State, check
from tests.support.commands import projector
from tests.support.projecting import running
from tests.support.projection import Log, completed, started
from tests.support.servers import eventually, vacant_port

pytestmark = pytest.mark.server

HOUR = 3_600_000
HOSTILE = "a|b\n\x1b[31m\u202ec\U0001f600"


@pytest.fixture
def now() -> int:
    return int(time.time() * 1000)


@pytest.fixture
def projected(log: Log, now: int) -> Iterator[Log]:
    """`fine` ended well, `failing` failed twice after a success, `long` took and runs for long; a
    projector is active, and has projected all of it."""
    with log.producer() as producer:
        producer.action_execution_completed("fine", True, duration_ms=5000, at=now - HOUR)
        producer.action_execution_completed("failing", True, duration_ms=1, at=now - 30 * HOUR)
        for error in ("first", HOSTILE):
            producer.action_execution_completed("failing", False, error=error, duration_ms=1, at=now - HOUR)
        producer.action_execution_completed("long", True, duration_ms=2 * HOUR, at=now - HOUR)
        producer.action_execution_started("long", "cron", "command", execution_id="1", at=now - 3 * HOUR)
        producer.action_execution_completed(HOSTILE, True, duration_ms=1, at=now)
    with running(log.projector()):
        log.wait_for_entries(7)
        yield log


def checked(log: Log, *arguments: str) -> tuple[int, str]:
    ended = projector("check", *arguments, "--url", log.url, "--namespace", log.namespace)
    assert ended.stderr == ""
    return ended.returncode, ended.stdout


def test_what_holds_is_ok_with_performance_data(projected: Log) -> None:
    limits = ("--max-failures", "3", "--max-age", "26h", "--max-duration", "10m")
    status, line = checked(projected, "fine", *limits)
    text, _, figures = line.partition(" | ")
    assert (status, text) == (0, "OK - fine: last success 1 h ago")
    failures, age, duration = figures.split()
    assert (failures, duration) == ("failures=0;;3;0", "duration=5000ms;;600000;0")
    assert age.startswith("age=360")
    assert age.endswith("s;;93600;0")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("failing",), "failing: 2 failures in a row (at most 0): a\\x7cb\\n\\x1b[31m\\u202ec\U0001f600"),
        (("failing", "--max-failures", "1", "--max-age", "26h"), "; last success 1 d 6 h ago (at most 1 d 2 h)"),
        (("long", "--max-duration", "1h"), "runs for 3 h 0 min (at most 1 h 0 min); a run took 2 h 0 min"),
    ],
)
def test_a_broken_limit_is_critical_and_told(projected: Log, arguments: tuple[str, ...], told: str) -> None:
    status, line = checked(projected, *arguments)
    assert status == 2
    assert line.startswith("CRITICAL - ")
    assert told in line
    assert (line.count("|"), line.count("\n")) == (1, 1)


@pytest.mark.parametrize(("limit", "expected"), [("2", 2), ("3", 0)])
def test_since_counts_failures_that_a_success_has_followed_and_runs_presumed_dead(
    log: Log, limit: str, expected: int
) -> None:
    for operation in (completed("a", False), completed("a", False, duration_ms=9000), started("a", "x")):
        log.add(operation)
    log.add('{"type":"action_execution_orphaned","action_id":"a","execution_id":"x","reason":"r","orphaned_at":1}')
    log.add(completed("a"))
    with running(log.projector()):
        log.wait_for_entries(5)
        assert checked(log, "a")[0] == 0
        status, line = checked(log, "a", "--since", "2h", "--max-failures", limit, "--max-duration", "10s")
        longest = checked(log, "a", "--since", "20d", "--max-failures", "3", "--max-duration", "8s")
    assert (status, "failures=3;;" in line, "duration=9000ms" in line) == (expected, True, True)
    assert (longest[0], "a run took 9.0 s (at most 8.0 s)" in longest[1]) == (2, True)


def test_an_action_never_seen_is_unknown(projected: Log) -> None:
    line = "UNKNOWN - never: it was never seen | failures=0;;0;0 age=U;;;0 duration=U;;;0\n"
    assert checked(projected, "never") == (3, line)


def test_an_action_whose_only_run_is_presumed_dead_has_failed(log: Log) -> None:
    log.add(started("a", "x"))
    log.add(
        '{"type":"action_execution_orphaned","action_id":"a","execution_id":"x","reason":"silent","orphaned_at":2}'
    )
    log.drain()
    status, line = checked(log, "a", "--max-age", "1h")
    assert status == 2
    assert line.startswith("CRITICAL - a: 1 failure in a row (at most 0): silent; no success for ")


def test_an_empty_namespace_is_unknown(log: Log) -> None:
    status, line = checked(log, "deploy")
    assert (status, line.partition(" | ")[0]) == (3, "UNKNOWN - deploy: it was never seen")


def test_without_an_active_projector_what_holds_is_a_warning(log: Log) -> None:
    with log.producer() as producer:
        producer.action_execution_completed("a", True, duration_ms=1)
        producer.action_execution_completed("b", False, duration_ms=1)
    log.drain()
    status, line = checked(log, "a")
    assert (status, "this may not be all: no projector is active" in line) == (1, True)
    assert checked(log, "b")[0] == 2


def test_a_projector_that_is_behind_is_a_warning_and_one_that_catches_up_is_none(log: Log) -> None:
    log.add_completions(2)
    log.drain()
    log.client.set(log.key("lease"), "somebody", px=60_000)
    log.add_completions(1)
    with Query(log.client, log.namespace) as query:
        (behind,) = check(query, [Expectation(action_id="a")])
    assert (behind.state, behind.stale) == (State.WARNING, "the projector is behind: 1 entry waits")
    log.client.delete(log.key("lease"))
    with running(log.projector()), Query(log.client, log.namespace) as query:
        eventually(lambda: log.client.exists(log.key("lease")), what="the lease")
        log.add_completions(500)
        (found,) = check(query, [Expectation(action_id="a")])
    assert found.state is State.OK


def test_all_that_the_settings_file_expects_the_worst_first_and_what_did_not_run(
    projected: Log, tmp_path: Path
) -> None:
    settings = tmp_path / "config.toml"
    settings.write_text(
        f'url = "{projected.url}"\nnamespace = "{projected.namespace}"\n'
        '[expect.fine]\nevery = "2h"\nmax_age = "26h"\n'
        '[expect.long]\ncron = "* * * * *"\ntimezone = "UTC"\ngrace = "30s"\n'
        "[expect.failing]\nmax_failures = 5\n"
        '[expect.nobody]\nevery = "1d"\n'
    )
    ended = projector("--config", str(settings), "check", "--all")
    first, *each = ended.stdout.splitlines()
    assert (ended.returncode, ended.stderr) == (2, "")
    assert first.startswith("CRITICAL - long: no start since ")
    assert first.endswith("(last start 3 h ago) (2 of 4 expectations OK) | ok=2 warning=0 critical=2 unknown=0")
    assert [line.partition(":")[0] for line in each] == [
        "CRITICAL - long",
        "CRITICAL - nobody",
        "OK - fine",
        "OK - failing",
    ]
    assert "|" not in "".join(each)
    alone = projector("--config", str(settings), "check", "failing", "--max-failures", "1")
    assert (alone.returncode, "failures=2;;1;0" in alone.stdout) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "name the action, or all that the settings file expects with --all"),
        (["a", "--all"], "name the action, or all"),
        (["--all"], "no settings file has a section [expect.ACTION]"),
        (["a", "--since", "soon"], "expected a time such as"),
        (["a", "--max-age", "soon"], "such as 90m, 36h, 7d or 1w, found 'soon'"),
        (["a", "--bogus"], "No such option"),
        (["a", "--url", f"redis://:hunter2@127.0.0.1:{vacant_port()}"], "connection refused"),
        (["a", "--namespace", "no spaces"], "namespace"),
    ],
)
def test_whatever_keeps_it_from_its_answer_is_unknown_in_one_line(arguments: list[str], told: str) -> None:
    ended = projector("check", *arguments)
    assert (ended.returncode, ended.stderr) == (3, "")
    assert ended.stdout.startswith("UNKNOWN - ")
    assert (told in ended.stdout, ended.stdout.count("\n"), "hunter2" in ended.stdout) == (True, 1, False)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[expect.a]\nevry = "1d"', "expect.a.evry: expected one of the keys every, cron, timezone, grace, "),
        ("[expect.a]\nevery = 5", "expect.a.every: expected a valid string, found 5"),
        ('[expect.a]\ncron = "daily"', "expect.a.cron: expected five fields such as 0 3 * * *"),
        ("expect = 5", "expect: expected a valid dictionary"),
    ],
)
def test_a_bad_settings_file_is_unknown_and_names_file_and_key(tmp_path: Path, text: str, told: str) -> None:
    settings = tmp_path / "config.toml"
    settings.write_text(text)
    ended = projector("--config", str(settings), "check", "--all")
    assert (ended.returncode, ended.stderr) == (3, "")
    assert ended.stdout.startswith(f"UNKNOWN - {settings}: {told}")
    assert projector("--config", str(settings), "acl").returncode == (0 if "daily" in text else 2)
