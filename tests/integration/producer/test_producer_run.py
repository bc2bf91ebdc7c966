"""`producer run` as a shell has it: real commands, real signals, a real server that may be away."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from producer.cli.context import surroundings
from tests.support.commands import PRODUCER, environment_of, run_command
from tests.support.servers import Server, eventually, vacant_port

pytestmark = pytest.mark.server

LONG = "300"
"""Seconds to sleep for a child that is to be ended: longer than any test may take."""


@pytest.fixture
def environ(shared_server: Server, namespace: str, tmp_path: Path) -> dict[str, str]:
    return environment_of(shared_server.url, namespace, XDG_STATE_HOME=str(tmp_path / "state"))


def run(environ: Mapping[str, str], *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """`producer run --action a …` to its end."""
    return run_command([PRODUCER, "run", "--action", "a", *arguments], env=environ, input=stdin)


@contextmanager
def running(environ: Mapping[str, str], *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """`producer run --action a …` while it runs; killed if the test leaves it running."""
    process = subprocess.Popen(
        [PRODUCER, "run", "--action", "a", *arguments],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def entries(client: redis.Redis, namespace: str) -> list[dict[str, Any]]:
    """The operations in the log, each with its `seq`."""
    found: Any = client.xrange(f"{{{namespace}}}:wal")
    return [{**json.loads(fields[b"op"]), "seq": int(fields[b"seq"])} for _, fields in found]


def end(client: redis.Redis, namespace: str) -> dict[str, Any]:
    """The completion, after a check that there is just one run."""
    started, completed = entries(client, namespace)
    assert started["type"] == "action_execution_started"
    assert completed["type"] == "action_execution_completed"
    assert started["execution_id"] == completed["execution_id"]
    return completed


def one_line(stderr: bytes) -> str:
    """What `producer` said, after a check that it is one line of its own."""
    text = stderr.decode()
    assert text.startswith("producer: "), text
    assert text.count("\n") == 1, text
    return text


# -- what is recorded --


def test_a_success_is_recorded_with_its_start_its_output_and_its_time(
    environ: dict[str, str], client: redis.Redis, namespace: str
) -> None:
    before = time.time_ns() // 1_000_000
    done = run(environ, "--source", "cron:nightly", "--type", "task", "--execution-id", "e1", "--", "echo", "hello")
    after = time.time_ns() // 1_000_000
    assert (done.returncode, done.stdout, done.stderr) == (0, b"hello\n", b"")
    started, completed = entries(client, namespace)
    assert before <= started.pop("started_at") <= completed["completed_at"] <= after
    assert started == {
        "type": "action_execution_started",
        "action_id": "a",
        "source": "cron:nightly",
        "execution_type": "task",
        "execution_id": "e1",
        "heartbeats": True,
        "command": "echo hello",
        "labels": surroundings(),
        "seq": 1,
    }
    assert before <= completed.pop("completed_at") <= after
    assert 0 <= completed.pop("duration_ms") <= after - before
    assert completed == {
        "type": "action_execution_completed",
        "action_id": "a",
        "success": True,
        "output": "hello\n",
        "execution_id": "e1",
        "exit_code": 0,
        "seq": 2,
    }


def test_source_type_and_execution_id_have_defaults(
    environ: dict[str, str], client: redis.Redis, namespace: str
) -> None:
    run(environ, "true")
    run(environ, "true")
    first, _, second, _ = entries(client, namespace)
    assert (first["source"], first["execution_type"]) == ("manual", "command")
    assert first["execution_id"] != second["execution_id"]


def test_the_start_stands_in_the_log_before_the_command_runs(environ: dict[str, str]) -> None:
    program = """
import os, redis
print(redis.Redis.from_url(os.environ["WAL_URL"]).xlen("{%s}:wal" % os.environ["WAL_NAMESPACE"]))
"""
    assert run(environ, sys.executable, "-c", program).stdout == b"1\n"


@pytest.mark.parametrize(
    ("script", "status", "error"),
    [("exit 3", 3, "exit status 3"), ("kill -KILL $$", 137, "killed by SIGKILL")],
)
def test_a_failure_is_recorded_and_its_status_is_ours(
    environ: dict[str, str], client: redis.Redis, namespace: str, script: str, status: int, error: str
) -> None:
    done = run(environ, "--", "sh", "-c", script)
    assert (done.returncode, done.stdout, done.stderr) == (status, b"", b"")
    completed = end(client, namespace)
    assert (completed["success"], completed["error"], completed["exit_code"]) == (False, error, status)


@pytest.mark.parametrize(
    ("command", "status", "error"),
    [
        ("no-such-command", 127, "command not found: no-such-command"),
        ("/etc/passwd", 126, "permission denied: /etc/passwd"),
        ("/", 126, "is a directory: /"),
    ],
)
def test_a_command_that_cannot_be_started_is_said_and_recorded(
    environ: dict[str, str], client: redis.Redis, namespace: str, command: str, status: int, error: str
) -> None:
    done = run(environ, command)
    assert (done.returncode, one_line(done.stderr)) == (status, f"producer: {error}\n")
    completed = end(client, namespace)
    assert (completed["success"], completed["error"]) == (False, error)
    assert "output" not in completed


def test_of_a_long_output_the_tail_is_recorded(environ: dict[str, str], client: redis.Redis, namespace: str) -> None:
    run(environ, "seq", "100000")
    output = end(client, namespace)["output"]
    total = sum(len(f"{number}\n") for number in range(1, 100_001))
    marker, _, rest = output.partition("] ")
    assert marker == f"[{total - len(rest)} bytes cut"
    assert rest.endswith("99999\n100000\n")
    assert 16_000 < len(output) <= 16 << 10


# -- the child notices nothing --


def test_binary_output_comes_through_byte_for_byte(
    environ: dict[str, str], client: redis.Redis, namespace: str
) -> None:
    noise = os.urandom(3_000_000) + bytes(range(256))
    done = run(environ, "cat", stdin=noise)
    assert done.stdout == noise
    assert done.stderr == b""
    assert len(end(client, namespace)["output"].encode()) <= 16 << 10


def test_stdout_and_stderr_are_kept_apart_and_in_the_record_together(
    environ: dict[str, str], client: redis.Redis, namespace: str
) -> None:
    done = run(environ, "--", "sh", "-c", "echo out; echo err >&2")
    assert (done.stdout, done.stderr) == (b"out\n", b"err\n")
    assert sorted(end(client, namespace)["output"].splitlines()) == ["err", "out"]


def test_output_comes_as_it_is_written(environ: dict[str, str], tmp_path: Path) -> None:
    """A question without a newline reaches its reader while the command waits for the answer."""
    os.mkfifo(tmp_path / "answer")
    with running(environ, "--", "sh", "-c", f"printf 'sure? '; cat {tmp_path}/answer") as process:
        assert process.stdout is not None
        assert os.read(process.stdout.fileno(), 100) == b"sure? "
        (tmp_path / "answer").write_text("yes")
        assert process.communicate()[0] == b"yes"


def test_without_output_recorded_the_command_has_our_own_stdout(
    environ: dict[str, str], client: redis.Redis, namespace: str, tmp_path: Path
) -> None:
    with (tmp_path / "out").open("wb") as out:
        command = [PRODUCER, "run", "--action", "a", "--no-output", "--", "readlink", "/proc/self/fd/1"]
        assert subprocess.run(command, env=environ, stdout=out, check=False).returncode == 0
    assert (tmp_path / "out").read_text() == f"{tmp_path}/out\n"
    assert "output" not in end(client, namespace)


def test_memory_stays_bounded_however_much_is_written(environ: dict[str, str]) -> None:
    """The command looks at the peak of the process that runs it, once all but the pipe's last has gone through."""

    def peak_kilobytes(output_bytes: int) -> int:
        script = f"head -c {output_bytes} /dev/zero; grep VmHWM /proc/$PPID/status >&2"
        done = run(environ, "--", "sh", "-c", script)
        assert len(done.stdout) == output_bytes
        return int(done.stderr.split()[1])

    assert peak_kilobytes(50_000_000) - peak_kilobytes(1) < 5_000


def test_when_our_reader_goes_the_command_gets_its_broken_pipe(
    environ: dict[str, str], client: redis.Redis, namespace: str
) -> None:
    with running(environ, "yes") as process:
        assert process.stdout is not None
        assert process.stdout.read(2) == b"y\n"
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait() == 128 + signal.SIGPIPE
        assert end(client, namespace)["error"] == "killed by SIGPIPE"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--", "echo", "--action", "b", "--", "-n"], b"--action b -- -n\n"),
        (["echo", "-e", "--help", "--source"], b"--help --source\n"),
        (["printf", "%s|", "two words", "", "*", "$HOME", "'"], b"two words||*|$HOME|'|"),
        (["printf", "%s", b"\xff".decode(errors="surrogateescape")], b"\xff"),
    ],
)
def test_the_command_s_arguments_are_its_own(environ: dict[str, str], arguments: list[str], said: bytes) -> None:
    bash = ["bash", "-c", '"$@"', "bash"] if arguments[0] == "echo" else []
    assert run(environ, *bash, *arguments).stdout == said


def test_a_daemon_left_behind_does_not_hold_us_up(
    environ: dict[str, str], client: redis.Redis, namespace: str
) -> None:
    done = run(environ, "--", "sh", "-c", f"sleep {LONG} & echo $!; exit 4")
    daemon = int(done.stdout)
    try:
        os.kill(daemon, 0)  # it lives and holds the pipe: nobody waited for it
    finally:
        os.kill(daemon, signal.SIGKILL)
    assert done.returncode == 4
    assert end(client, namespace)["output"] == f"{daemon}\n"


# -- signals --

COUNTING = """
import signal, sys
counts = {}
def count(number, _frame):
    counts[number] = counts.get(number, 0) + 1
    print(signal.Signals(number).name, flush=True)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH):
    signal.signal(number, count)
print("ready", flush=True)
while signal.SIGUSR2 not in counts:
    signal.pause()
print(counts.get(signal.SIGINT, 0), flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1])
def test_a_signal_ends_the_command_and_we_end_as_it_did(
    environ: dict[str, str], client: redis.Redis, namespace: str, number: signal.Signals
) -> None:
    with running(environ, "--", "sh", "-c", f"echo ready; exec sleep {LONG}") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.communicate() == (b"", b"")
        assert process.returncode == 128 + number
        completed = end(client, namespace)
        assert (completed["success"], completed["error"]) == (False, f"killed by {number.name}")


def test_a_command_that_handles_signals_goes_on_and_so_do_we(environ: dict[str, str]) -> None:
    with running(environ, "--", sys.executable, "-c", COUNTING) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGWINCH):
            process.send_signal(number)
            assert process.stdout.readline() == f"{number.name}\n".encode()
        process.send_signal(signal.SIGUSR2)
        assert process.communicate() == (b"SIGUSR2\n1\n", b"")
        assert process.returncode == 0


def test_a_command_that_ignores_an_interrupt_is_waited_for(
    environ: dict[str, str], client: redis.Redis, namespace: str, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "go")
    with running(environ, "--", "sh", "-c", f"trap '' INT; echo ready; cat {tmp_path}/go; echo done") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        (tmp_path / "go").write_text("")
        assert process.communicate() == (b"done\n", b"")
        assert process.returncode == 0
        assert end(client, namespace)["success"] is True


def test_an_interrupt_typed_at_the_terminal_reaches_the_command_once(environ: dict[str, str]) -> None:
    """The terminal sends it to the whole foreground group, the command in it: it must not get it from us again."""
    ours, theirs = os.openpty()
    command = [PRODUCER, "run", "--action", "a", "--", sys.executable, "-c", COUNTING]
    process = subprocess.Popen(
        command,
        env=environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    with process, os.fdopen(ours, "r+b", buffering=0) as screen:
        try:
            read_until(screen, b"ready\r\n")
            screen.write(b"\x03")
            read_until(screen, b"SIGINT\r\n")
            # What we passed on before this signal reaches the command before it: then it counts.
            process.send_signal(signal.SIGUSR2)
            read_until(screen, b"SIGUSR2\r\n1\r\n")
            assert process.wait() == 0
        finally:
            process.kill()


def read_until(screen: Any, expected: bytes) -> None:
    seen = b""
    while not seen.endswith(expected):
        chunk = screen.read(1)
        assert chunk, seen
        seen += chunk


# -- when Redis is away --


@pytest.fixture
def frozen_server(own_server: Server) -> Iterator[Server]:
    with own_server.frozen():
        yield own_server


def seconds_of(environ: Mapping[str, str]) -> float:
    began = time.monotonic()
    run(environ, "true")
    return time.monotonic() - began


@pytest.mark.parametrize("script", ["exit 3", "kill -KILL $$", "echo hello"])
def test_with_redis_down_the_command_runs_all_the_same(environ: dict[str, str], script: str) -> None:
    plain = subprocess.run(["sh", "-c", script], capture_output=True, check=False)
    done = run({**environ, "WAL_URL": f"redis://:secret@127.0.0.1:{vacant_port()}/0"}, "--", "sh", "-c", script)
    assert done.returncode == (plain.returncode if plain.returncode >= 0 else 128 - plain.returncode)
    assert done.stdout == plain.stdout
    said = one_line(done.stderr)
    assert "a runs and its record waits in " in said
    assert "refused" in said
    assert "secret" not in said


def test_with_redis_frozen_the_command_runs_all_the_same(environ: dict[str, str], frozen_server: Server) -> None:
    done = run({**environ, "WAL_URL": frozen_server.url}, "--", "sh", "-c", "echo hello; exit 3")
    assert (done.returncode, done.stdout) == (3, b"hello\n")
    assert "a runs and its record waits in " in one_line(done.stderr)


def test_redis_away_holds_a_command_up_for_two_seconds_at_most(
    environ: dict[str, str], frozen_server: Server
) -> None:
    """Two more are allowed for here, for a machine that has other things to do."""
    with_redis = seconds_of(environ)
    assert seconds_of({**environ, "WAL_URL": frozen_server.url}) - with_redis < 4
    assert seconds_of({**environ, "WAL_URL": f"redis://127.0.0.1:{vacant_port()}/0"}) - with_redis < 4


def test_a_start_that_found_redis_frozen_is_recorded_when_it_thaws(
    environ: dict[str, str], frozen_server: Server, namespace: str, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "go")
    with running(
        {**environ, "WAL_URL": frozen_server.url}, "--", "sh", "-c", f"cat {tmp_path}/go; exit 3"
    ) as process:
        assert process.stderr is not None
        assert b"its record waits in" in process.stderr.readline()
        os.kill(frozen_server.pid, signal.SIGCONT)
        with frozen_server.client() as client:
            eventually(lambda: entries(client, namespace), what="the start to be recorded")
            (tmp_path / "go").write_text("")
            assert process.communicate() == (b"", b"")
            assert process.returncode == 3
            # An attempt that the frozen server had taken in may stand there too, under its number: it counts once.
            kinds = {entry["seq"]: entry["type"] for entry in entries(client, namespace)}
        assert kinds == {1: "action_execution_started", 2: "action_execution_completed"}


def test_redis_that_goes_down_meanwhile_is_said_at_the_end(
    environ: dict[str, str], own_server: Server, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "go")
    with running(
        {**environ, "WAL_URL": own_server.url}, "--", "sh", "-c", f"echo ready; cat {tmp_path}/go; exit 3"
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        own_server.kill()
        (tmp_path / "go").write_text("")
        _, stderr = process.communicate()
        assert process.returncode == 3
        assert "the end of a waits in " in one_line(stderr)


@pytest.mark.parametrize(
    ("variables", "arguments", "said"),
    [
        ({"WAL_URL": "http://user:secret@host"}, [], "expected redis://"),
        ({"WAL_URL": "redis://[:secret@"}, [], "the URL's host: expected a name"),
        ({"WAL_URL": "redis://..:1"}, [], "its record waits in"),
        ({}, ["--namespace", "no good"], "namespace: expected"),
        ({}, ["--url", "unix:///no/such.sock"], "/no/such.sock"),
    ],
)
def test_a_place_that_cannot_be_used_does_not_keep_the_command_from_running(
    environ: dict[str, str], variables: dict[str, str], arguments: list[str], said: str
) -> None:
    done = run({**environ, **variables}, *arguments, "--", "sh", "-c", "exit 3")
    assert done.returncode == 3
    assert said in one_line(done.stderr)
    assert b"secret" not in done.stderr


def test_a_server_that_refuses_does_not_keep_the_command_from_running(
    environ: dict[str, str], client: redis.Redis, namespace: str
) -> None:
    client.set(f"{{{namespace}}}:wal", "no stream")
    done = run(environ, "--", "sh", "-c", "exit 3")
    assert done.returncode == 3
    assert "wrong kind of value" in one_line(done.stderr)


# -- bad arguments --


@pytest.mark.parametrize(
    "arguments",
    [
        ["--action", "", "touch", "ran"],
        ["--action", "é" * 129, "touch", "ran"],
        ["--action", "a", "--execution-id", "", "touch", "ran"],
        ["--action", "a", "--source", "", "touch", "ran"],
        ["--action", "a", "--no-such-option", "--", "touch", "ran"],
        ["touch", "ran"],
        ["--action", "a"],
        ["--action", "a", "--"],
    ],
)
def test_bad_arguments_are_said_before_anything_runs(
    environ: dict[str, str], client: redis.Redis, namespace: str, tmp_path: Path, arguments: list[str]
) -> None:
    done = run_command([PRODUCER, "run", *arguments], env=environ, cwd=tmp_path, text=True)
    assert done.returncode == 2
    assert done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "ran").exists()
    assert not client.exists(f"{{{namespace}}}:wal")
