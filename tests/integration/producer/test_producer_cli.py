"""`producer started`, `completed`, `cleanup`: what a shell script sees of them, and what the log does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis

from producer.cli.context import surroundings
from producer.connection.location import announce
from tests.support.commands import PRODUCER, environment_of, run_command
from tests.support.servers import Server, vacant_port


@pytest.fixture
def environ(shared_server: Server, namespace: str, tmp_path: Path) -> dict[str, str]:
    return environment_of(shared_server.url, namespace, XDG_STATE_HOME=str(tmp_path / "state"))


def producer(environ: dict[str, str], *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return run_command([PRODUCER, *arguments], env=environ, input=stdin)


def recorded(client: redis.Redis, namespace: str, done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    """The operation of the log's last entry, whose id the command printed if it was asked to."""
    assert (done.returncode, done.stderr) == (0, b"")
    found: Any = client.xrevrange(f"{{{namespace}}}:wal", count=1)
    ((entry_id, fields),) = found
    assert done.stdout == (entry_id + b"\n" if "--print-id" in done.args else b"")
    operation: dict[str, Any] = json.loads(fields[b"op"])
    return operation


@pytest.mark.server
class TestRecording:
    def test_a_start(self, environ: dict[str, str], client: redis.Redis, namespace: str) -> None:
        # fmt: off
        done = producer(
            environ, "started", "notify", "--source", "watcher:idle-check", "--type", "task",
            "--execution-id", "e1", "--at", "1790000000000", "--print-id",
        )
        # fmt: on
        assert recorded(client, namespace, done) == {
            "type": "action_execution_started",
            "action_id": "notify",
            "source": "watcher:idle-check",
            "execution_type": "task",
            "started_at": 1790000000000,
            "execution_id": "e1",
        }

    def test_a_failure(self, environ: dict[str, str], client: redis.Redis, namespace: str) -> None:
        # fmt: off
        done = producer(
            environ, "completed", "deploy", "--failure", "--duration-ms", "5000",
            "--error", "connection refused", "--output", "some text", "--at", "1790000005000",
        )
        # fmt: on
        assert recorded(client, namespace, done) == {
            "type": "action_execution_completed",
            "action_id": "deploy",
            "success": False,
            "output": "some text",
            "error": "connection refused",
            "duration_ms": 5000,
            "completed_at": 1790000005000,
        }

    def test_a_success_with_its_output_from_stdin(
        self, environ: dict[str, str], client: redis.Redis, namespace: str
    ) -> None:
        done = producer(
            environ, "completed", "a", "--success", "--duration-ms", "1", "--output", "@-", stdin=b"\xffpiped\n"
        )
        operation = recorded(client, namespace, done)
        assert (operation["success"], operation["output"]) == (True, "\ufffdpiped\n")

    def test_of_a_long_stdin_the_tail(self, environ: dict[str, str], client: redis.Redis, namespace: str) -> None:
        text = b"x" * 1_000_000 + b"the end"
        done = producer(environ, "completed", "a", "--success", "--duration-ms", "1", "--output", "@-", stdin=text)
        output = recorded(client, namespace, done)["output"]
        marker, _, rest = output.partition("] ")
        assert marker == f"[{len(text) - len(rest)} bytes cut"
        assert rest.endswith("xthe end")
        assert len(output) <= 16 << 10

    def test_a_cleanup(self, environ: dict[str, str], client: redis.Redis, namespace: str) -> None:
        done = producer(
            environ, "cleanup", "stale-locks", "lock:deploy", "release", "--success", "--at", "1790000000000"
        )
        assert recorded(client, namespace, done) == {
            "type": "cleanup_executed",
            "scanner_id": "stale-locks",
            "resource_id": "lock:deploy",
            "action": "release",
            "success": True,
            "executed_at": 1790000000000,
            "labels": surroundings(),
        }

    def test_a_time_with_its_zone(self, environ: dict[str, str], client: redis.Redis, namespace: str) -> None:
        done = producer(environ, "started", "a", "--at", "2026-09-21T16:13:20.5+02:00")
        assert recorded(client, namespace, done)["started_at"] == 1790000000500

    def test_an_odd_time_that_is_allowed(self, environ: dict[str, str], client: redis.Redis, namespace: str) -> None:
        done = producer(
            environ, "cleanup", "s", "r", "delete", "--success", "--at", "1790000000", "--allow-odd-times"
        )
        assert recorded(client, namespace, done)["executed_at"] == 1790000000

    def test_options_come_before_variables(
        self, environ: dict[str, str], client: redis.Redis, shared_server: Server, namespace: str
    ) -> None:
        elsewhere = {**environ, "WAL_URL": f"redis://127.0.0.1:{vacant_port()}/0", "WAL_NAMESPACE": "elsewhere"}
        done = producer(elsewhere, "started", "a", "--url", shared_server.url, "--namespace", namespace)
        assert recorded(client, namespace, done)["action_id"] == "a"

    def test_an_embedded_server_that_runs_is_found(
        self, environ: dict[str, str], client: redis.Redis, shared_server: Server, namespace: str, tmp_path: Path
    ) -> None:
        del environ["WAL_URL"]
        with announce(shared_server.url, tmp_path, environ):
            done = producer(environ, "started", "a")
        assert recorded(client, namespace, done)["action_id"] == "a"

    def test_a_server_that_refuses(self, environ: dict[str, str], client: redis.Redis, namespace: str) -> None:
        """Not the status of one that is away: to try again is no use."""
        client.set(f"{{{namespace}}}:wal", "no stream")
        done = producer(environ, "started", "a")
        assert (done.returncode, done.stdout) == (1, b"")
        assert b"producer: not recorded: " in done.stderr
        assert done.stderr.count(b"\n") == 1

    def test_stdout_that_cannot_be_written(self, environ: dict[str, str]) -> None:
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [PRODUCER, "started", "a", "--print-id"],
                env=environ,
                stdout=full,
                stderr=subprocess.PIPE,
                check=False,
            )
        assert (done.returncode, done.stderr) == (1, b"producer: standard output: No space left on device\n")


@pytest.fixture
def offline(tmp_path: Path) -> dict[str, str]:
    """An environment that names a server which is not there."""
    url = f"redis://user:secret@127.0.0.1:{vacant_port()}/0"
    return {**os.environ, "WAL_URL": url, "XDG_STATE_HOME": str(tmp_path / "state")}


@pytest.mark.parametrize(
    "arguments",
    [
        ["started", "a"],
        ["completed", "a", "--success", "--duration-ms", "1"],
        ["cleanup", "s", "r", "delete", "--success"],
    ],
)
def test_redis_away_is_one_line_and_the_operation_waits(offline: dict[str, str], arguments: list[str]) -> None:
    place = f"{offline['XDG_STATE_HOME']}/execution-wal/spool"
    for waiting in (1, 2):
        done = producer(offline, *arguments)
        assert (done.returncode, done.stdout) == (0, b"")
        assert done.stderr.startswith(f"producer: it waits in {place}: 127.0.0.1:".encode())
        assert done.stderr.endswith(b"; to deliver it: producer flush\n")
        assert done.stderr.count(b"\n") == 1
        assert b"secret" not in done.stderr
        assert f" {waiting} operation" in producer(offline, "spool").stdout.decode()


def test_redis_away_without_a_place_to_wait_is_a_status_that_says_try_again(offline: dict[str, str]) -> None:
    done = producer({**offline, "XDG_STATE_HOME": "/dev/null"}, "started", "a")
    assert (done.returncode, done.stdout) == (os.EX_TEMPFAIL, b"")
    unusable, away = done.stderr.splitlines()
    assert unusable.startswith(b"producer: the spool /dev/null/execution-wal/spool cannot be used: ")
    assert away.startswith(b"producer: not acknowledged: 127.0.0.1:")


def test_the_command_that_delivers_names_the_server_if_a_flag_did(offline: dict[str, str], tmp_path: Path) -> None:
    url = offline.pop("WAL_URL")
    done = producer(offline, "started", "a", "--url", url, "--spool", str(tmp_path))
    named = url.replace("user:secret@", "")
    assert done.stderr.decode().endswith(f": producer flush --spool {tmp_path} --url {named}\n")


def test_an_end_without_a_duration_whose_start_cannot_be_sought_is_said_with_status_69(
    offline: dict[str, str],
) -> None:
    done = producer(offline, "completed", "a", "--success")
    assert (done.returncode, done.stdout) == (os.EX_UNAVAILABLE, b"")
    assert b"--duration-ms" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["started", ""], "action_id: expected a string of 1 to 256 bytes"),
        (["started", "a", "--at", "-1"], "started_at: expected an integer from 0"),
        (["started", "a", "--at", "soon"], "--at"),
        (["started", "a", "--at", "2026-09-21T14:13:20"], "--at"),
        (["started", "a", "--at", "1790000000"], "these look like seconds"),
        (["completed", "a", "--success", "--duration-ms", "1", "--at", "1790000000"], "these look like seconds"),
        (["cleanup", "s", "r", "delete", "--success", "--at", "1790000000"], "these look like seconds"),
        (["started", "a", "--namespace", "no good"], "namespace: expected"),
        (["started", "a", "--url", "http://user:secret@host"], "expected redis://"),
        (["completed", "a", "--success", "--duration-ms", "-1"], "duration_ms: expected an integer from 0"),
        (["completed", "a", "--duration-ms", "1"], "--success"),
        (["cleanup", "s", "", "delete", "--success"], "resource_id: expected a string of 1 to 4096 bytes"),
        (["cleanup", "s", "r", "--success"], "ACTION"),
        (["no-such-command"], "no-such-command"),
    ],
)
def test_bad_arguments_are_said_with_status_2(offline: dict[str, str], arguments: list[str], said: str) -> None:
    done = producer(offline, *arguments)
    text = done.stderr.decode()
    assert (done.returncode, done.stdout) == (2, b"")
    assert said in text
    assert "Traceback" not in text
    assert "secret" not in text


def test_trouble_of_a_kind_that_nobody_thought_of_asks_for_a_report_with_a_traceback_without_passwords(
    offline: dict[str, str],
) -> None:
    program = """
from producer.cli import app, main
def broken(**_):
    raise RuntimeError("something\\nodd at redis://me:s3cret@host")
app.app = broken
main()
"""
    done = subprocess.run([sys.executable, "-c", program], env=offline, capture_output=True, check=False)
    assert done.returncode == os.EX_SOFTWARE
    *lines, last = done.stderr.decode().splitlines()
    assert lines[0].startswith("Traceback")
    assert last == (
        "producer: this is a bug in this program, please report it with the lines above: "
        "RuntimeError: something odd at redis://me:******@host"
    )
    assert b"s3cret" not in done.stderr


def test_the_version_is_that_of_the_distribution(offline: dict[str, str]) -> None:
    from importlib.metadata import version

    assert producer(offline, "--version").stdout.decode() == f"producer (execution-wal) {version('execution-wal')}\n"


@pytest.mark.parametrize("command", ["run", "started", "completed", "cleanup"])
def test_help_names_the_variables(offline: dict[str, str], command: str) -> None:
    text = producer(offline, command, "--help").stdout.decode()
    assert "WAL_URL" in text
    assert "WAL_NAMESPACE" in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("program", "absent"),
    [
        ("from producer import Producer", ["typer", "click", "rich"]),
        ("from producer.cli import main", ["typer", "click", "rich", "redis", "msgspec"]),
        ("import producer.connection.location", ["typer", "click", "rich", "redis", "msgspec"]),
        ("import producer.command.child", ["typer", "click", "rich", "redis", "msgspec"]),
        ("import producer.cli.app", ["click", "rich", "redis", "msgspec"]),
    ],
)
def test_what_is_not_needed_is_not_loaded(program: str, absent: list[str]) -> None:
    """`producer run` stands before every command of an engine: each of these costs it tens of milliseconds."""
    check = f"{program}; import sys; print([name for name in {absent} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_running_a_command_does_not_load_rich(offline: dict[str, str]) -> None:
    program = """
import sys
from producer.cli import main
sys.argv = ["producer", "run", "--action", "a", "true"]
try:
    main()
except SystemExit:
    print("rich" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], env=offline, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
