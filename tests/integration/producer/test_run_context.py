"""Who and what, as `producer run`, `started`, `completed` and `cleanup` record it in a real log."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from producer.cli.context import surroundings
from tests.support.commands import PRODUCER, environment_of, run_command
from tests.support.projection import Log
from tests.support.servers import vacant_port

pytestmark = pytest.mark.server


@pytest.fixture
def environ(log: Log, tmp_path: Path) -> dict[str, str]:
    return environment_of(log.url, log.namespace, XDG_STATE_HOME=str(tmp_path / "state"))


def producer(
    environ: Mapping[str, str], *arguments: str, cwd: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    return run_command([PRODUCER, *arguments], env=environ, cwd=cwd)


def operations(log: Log) -> list[dict[str, Any]]:
    entries: Any = log.client.xrange(log.key("wal"))
    return [orjson.loads(fields[b"op"]) for _, fields in entries]


def test_a_run_records_its_command_line_attempt_exit_code_and_who(
    log: Log, environ: dict[str, str], tmp_path: Path
) -> None:
    # fmt: off
    done = producer(
        environ, "run", "--action", "a", "--attempt", "2", "--label", "ticket=7", "--label", "user=me",
        "--", "sh", "-c", "exit 3", cwd=tmp_path,
    )
    # fmt: on
    assert (done.returncode, done.stderr) == (3, b"")
    start, end = operations(log)
    assert (start["command"], start["attempt"]) == ("sh -c 'exit 3'", 2)
    assert start["labels"] == surroundings() | {"cwd": str(tmp_path), "user": "me", "ticket": "7"}
    assert end["exit_code"] == 3
    assert "labels" not in end


@pytest.mark.parametrize(("command", "status"), [("no-such-command", 127), ("/", 126)])
def test_the_exit_code_of_what_could_not_be_started_is_ours(
    log: Log, environ: dict[str, str], command: str, status: int
) -> None:
    assert producer(environ, "run", "--action", "a", "--", command).returncode == status
    assert operations(log)[-1]["exit_code"] == status


def test_without_context_there_is_just_what_was_given(log: Log, environ: dict[str, str]) -> None:
    producer(environ, "run", "--action", "a", "--no-context", "--", "true")
    producer(environ, "run", "--action", "a", "--no-context", "--label", "n=1", "--", "true")
    producer(environ, "cleanup", "s", "r", "delete", "--success", "--no-context")
    written = operations(log)
    assert [operation.get("labels") for operation in written] == [None, None, {"n": "1"}, None, None]
    assert not set().union(*written) & {"command", "exit_code", "attempt"}


def test_where_nothing_can_be_found_out_the_command_runs_all_the_same(
    log: Log, environ: dict[str, str], tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd {gone} && rmdir {gone} && exec {PRODUCER} run --action a -- true"
    done = subprocess.run(["sh", "-c", script], env=environ, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "cwd" not in operations(log)[0]["labels"]


def test_a_cleanup_in_a_run_belongs_to_it(log: Log, environ: dict[str, str], tmp_path: Path) -> None:
    clean = f"{PRODUCER} cleanup s r delete --success"
    inner = f"{PRODUCER} run --action inner --execution-id i1 -- {clean}"
    script = f"{clean} && {inner} && {clean} && {clean} --execution-id other"
    done = producer(environ, "run", "--action", "a", "--execution-id", "r1", "--", "sh", "-c", script, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    producer(environ, "cleanup", "s", "r", "delete", "--success", "--label", "n=1", cwd=tmp_path)
    cleanups = [operation for operation in operations(log) if operation["type"] == "cleanup_executed"]
    assert [cleanup.get("execution_id") for cleanup in cleanups] == ["r1", "i1", "r1", "other", None]
    assert cleanups[-1]["labels"] == surroundings() | {"cwd": str(tmp_path), "n": "1"}


def test_a_run_tells_its_command_its_name_also_one_that_was_made_up(log: Log, environ: dict[str, str]) -> None:
    done = producer(environ, "run", "--action", "a", "--", "sh", "-c", 'printf %s "$WAL_EXECUTION_ID"')
    assert [operation["execution_id"] for operation in operations(log)] == [done.stdout.decode()] * 2


def test_starts_and_ends_recorded_by_hand_have_what_they_are_given(log: Log, environ: dict[str, str]) -> None:
    # fmt: off
    producer(
        environ, "started", "a", "--execution-id", "r1", "--command", "login --password hunter2", "--attempt", "3",
        "--label", "host=db1",
    )
    producer(
        environ, "completed", "a", "--failure", "--execution-id", "r1", "--exit-code", "-9", "--label", "rows=12",
    )
    # fmt: on
    start, end = operations(log)
    assert (start["command"], start["attempt"]) == ("login --password [redacted]", 3)
    assert (start["labels"], end["labels"], end["exit_code"]) == ({"host": "db1"}, {"rows": "12"}, -9)


def labels_given(count: int) -> list[str]:
    return [word for number in range(count) for word in ("--label", f"n{number}=x")]


@pytest.mark.parametrize("count", [14, 16])
def test_as_many_labels_as_a_record_may_have_leave_out_what_was_found_out(
    log: Log, environ: dict[str, str], count: int
) -> None:
    done = producer(environ, "run", "--action", "a", *labels_given(count), "--", "sh", "-c", "exit 3")
    assert (done.returncode, done.stderr) == (3, b"")
    done = producer(environ, "cleanup", "s", "r", "delete", "--success", *labels_given(count))
    assert (done.returncode, done.stderr) == (0, b"")
    start, _, cleanup = operations(log)
    own = {f"n{number}": "x" for number in range(count)}
    assert [len(operation["labels"]) for operation in (start, cleanup)] == [16, 16]
    assert all(own.items() <= operation["labels"].items() for operation in (start, cleanup))


def test_of_a_long_command_line_the_beginning_is_recorded(log: Log, environ: dict[str, str]) -> None:
    producer(environ, "run", "--action", "a", "--", "sh", "-c", "true", *map(str, range(2000)))
    start, _ = operations(log)
    assert start["command"].startswith("sh -c true 0 1 2 3")
    assert start["command"].endswith(" bytes cut]")
    assert 4090 < len(start["command"]) <= 4096


def test_they_wait_in_the_spool_with_the_rest(log: Log, environ: dict[str, str]) -> None:
    away = environ | {"WAL_URL": f"redis://127.0.0.1:{vacant_port()}/0"}
    assert producer(away, "run", "--action", "a", "--attempt", "2", "--label", "n=ö\n", "--", "true").returncode == 0
    assert producer(away, "cleanup", "s", "r", "delete", "--success", "--execution-id", "r1").returncode == 0
    flushed = producer(environ, "flush", "--moved-from", away["WAL_URL"])
    assert flushed.stdout == b"3 operations delivered\n"
    start, end, cleanup = operations(log)
    assert (start["command"], start["attempt"], end["exit_code"]) == ("true", 2, 0)
    assert start["labels"] == surroundings() | {"cwd": os.getcwd(), "n": "ö\n"}
    assert (cleanup["execution_id"], cleanup["labels"]) == ("r1", surroundings())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--label", "host"], "expected NAME=VALUE, found 'host'"),
        (["--label", "a b=c"], "labels: expected an object of at most 16 labels"),
        (labels_given(17), "labels: expected an object of at most 16 labels"),
        (["--label", f"n={'x' * 257}"], "labels: expected an object of at most 16 labels"),
        (["--attempt", "0"], "attempt: expected an integer from 1"),
    ],
)
@pytest.mark.parametrize("command", ["run", "started"])
def test_what_cannot_be_recorded_is_said_before_anything_happens(
    log: Log, environ: dict[str, str], tmp_path: Path, command: str, arguments: list[str], said: str
) -> None:
    ran = tmp_path / "ran"
    words = ["--action", "a", *arguments, "--", "touch", str(ran)] if command == "run" else ["a", *arguments]
    done = producer(environ, command, *words)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.decode().split())
    assert not ran.exists()
    assert operations(log) == []


@pytest.mark.parametrize(
    ("named", "recorded"),
    [(f"00-{'a' * 32}-{'b' * 16}-01", True), ("00-none-01", False)],
    ids=["a span", "none"],
)
def test_a_run_within_a_span_of_its_environment_names_it(
    log: Log, environ: dict[str, str], named: str, recorded: bool
) -> None:
    assert producer({**environ, "TRACEPARENT": named}, "run", "--action", "a", "--", "true").returncode == 0
    start, end = operations(log)
    assert start["labels"].get("traceparent") == (named if recorded else None)
    assert "labels" not in end
