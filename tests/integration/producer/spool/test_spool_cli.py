"""`producer run` while Redis is away, `producer flush`, and `producer spool`."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from jsonschema import Draft202012Validator

from producer import Producer, Spool
from projector.documents import schema_of
from tests.support.commands import PRODUCER, environment_of, run_command
from tests.support.proxy import Fault, Proxy
from tests.support.recording import record
from tests.support.servers import Server, eventually, obey_modes
from tests.support.spooling import AWAY, counted, cut_off, engine, files, first_occurrences

pytestmark = pytest.mark.server


@pytest.fixture
def environ(shared_server: Server, namespace: str, tmp_path: Path) -> dict[str, str]:
    return environment_of(shared_server.url, namespace, XDG_STATE_HOME=str(tmp_path / "state"))


@pytest.fixture
def gate(shared_server: Server) -> Iterator[Proxy]:
    """The way to the server, shut for now."""
    with Proxy(shared_server.port, shut=True) as way:
        yield way


@pytest.fixture
def gated(environ: dict[str, str], gate: Proxy) -> dict[str, str]:
    """Where the server is away until the gate is opened."""
    return {**environ, "WAL_URL": gate.url}


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Where `producer run` spools by itself."""
    return tmp_path / "state" / "execution-wal" / "spool"


def producer(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_command([PRODUCER, *arguments], env=environ, text=True)


def operations(client: redis.Redis, namespace: str) -> list[dict[str, Any]]:
    found: Any = client.xrange(f"{{{namespace}}}:wal")
    return [json.loads(fields[b"op"]) for _, fields in found]


# -- producer run --


def test_a_run_while_redis_is_away_is_kept_and_said_in_one_line(
    gated: dict[str, str], spool: Path, client: redis.Redis, namespace: str
) -> None:
    done = producer(gated, "run", "--action", "backup", "--", "sh", "-c", "echo hello; exit 3")
    assert (done.returncode, done.stdout) == (3, "hello\n")
    assert done.stderr.startswith(f"producer: backup runs and its record waits in {spool}: 127.0.0.1:")
    assert done.stderr.count("\n") == 1
    assert files(spool) == ["lock", "spool"]
    assert not client.exists(f"{{{namespace}}}:wal")


def test_the_next_run_delivers_it_and_says_nothing(
    gated: dict[str, str], gate: Proxy, spool: Path, client: redis.Redis, namespace: str
) -> None:
    for name in ("first", "second"):
        producer(gated, "run", "--action", name, "--", "echo", name)
    gate.open()
    done = producer(gated, "run", "--action", "third", "--", "true")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    eventually(lambda: client.xlen(f"{{{namespace}}}:wal") >= 6, what="all to be delivered")
    ended = [op for op in operations(client, namespace) if op["type"] == "action_execution_completed"]
    assert sorted(op["action_id"] for op in ended) == ["first", "second", "third"]
    assert list(first_occurrences(client, namespace).values()) == [[1, 2]] * 3
    assert counted(gated["WAL_URL"], namespace)["missing"] == 0
    assert files(spool) == []


def test_a_command_is_not_held_up_by_what_others_left(
    environ: dict[str, str], spool: Path, client: redis.Redis, namespace: str
) -> None:
    """Its own start goes out as soon as there is one, and the rest behind it."""
    with cut_off(environ["WAL_URL"], namespace, spool) as dead:
        record(dead, 20_000)
        dead.close(timeout=0)
    assert producer(environ, "run", "--action", "mine", "--", "true").returncode == 0
    started = [op["type"] for op in operations(client, namespace)].index("action_execution_started")
    assert started < 10_000


def test_a_run_that_is_killed_has_its_start_recorded_all_the_same(
    gated: dict[str, str], gate: Proxy, spool: Path, client: redis.Redis, namespace: str
) -> None:
    process = subprocess.Popen(
        [PRODUCER, "run", "--action", "backup", "--", "sh", "-c", "echo $$; exec sleep 300"],
        env=gated,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    os.kill(child, signal.SIGKILL)
    gate.open()
    assert producer(gated, "flush").returncode == 0
    assert [op["type"] for op in operations(client, namespace)] == ["action_execution_started"]
    assert files(spool) == []


def test_a_run_whose_state_directory_cannot_be_used_is_recorded_while_redis_is_there(
    environ: dict[str, str], gated: dict[str, str], client: redis.Redis, namespace: str
) -> None:
    nowhere = {"XDG_STATE_HOME": "/dev/null"}
    done = producer({**environ, **nowhere}, "run", "--action", "a", "--", "sh", "-c", "exit 3")
    assert (done.returncode, done.stderr) == (3, "")
    assert len(operations(client, namespace)) == 2
    done = producer({**gated, **nowhere}, "run", "--action", "a", "--", "sh", "-c", "exit 3")
    assert done.returncode == 3
    assert "producer: a runs without a record: 127.0.0.1:" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_run_goes_by_the_directory_that_is_named(gated: dict[str, str], spool: Path, tmp_path: Path) -> None:
    named = tmp_path / "named"
    producer(gated, "run", "--action", "a", "--spool", str(named), "--", "true")
    producer({**gated, "WAL_SPOOL": str(named)}, "run", "--action", "a", "--", "true")
    assert files(named) == ["lock", "lock", "spool", "spool"]
    assert not spool.exists()


def test_a_run_leaves_nothing_behind_while_redis_is_there(environ: dict[str, str], spool: Path) -> None:
    assert producer(environ, "run", "--action", "a", "--", "true").stderr == ""
    assert files(spool) == []


# -- single operations --


def test_a_single_operation_can_be_kept_too(
    gated: dict[str, str], gate: Proxy, tmp_path: Path, client: redis.Redis, namespace: str
) -> None:
    there = str(tmp_path / "there")
    done = producer(gated, "cleanup", "s", "r", "delete", "--success", "--spool", there, "--print-id")
    assert done.returncode == 0
    assert f"producer: it waits in {there}: 127.0.0.1:" in done.stderr
    by, seq = done.stdout.split()
    gate.open()
    done = producer(gated, "started", "a", "--spool", there)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert first_occurrences(client, namespace)[by] == [int(seq)]
    # A start that waited must not come after its end, which would leave it in flight for ever.
    kinds = [op["type"] for op in operations(client, namespace)]
    assert kinds == ["cleanup_executed", "action_execution_started"]
    assert files(tmp_path / "there") == []
    done = producer(gated, "flush", "--spool", there)
    assert (done.returncode, done.stdout) == (0, "nothing waits\n")


def test_a_single_operation_that_may_have_landed_counts_once(
    environ: dict[str, str], shared_server: Server, spool: Path, namespace: str, client: redis.Redis
) -> None:
    with Proxy(shared_server.port) as way:
        url = way.url
        way.inject(Fault.CUT_REPLY, times=100)
        done = producer({**environ, "WAL_URL": url}, "started", "a")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith(f"producer: it waits in {spool}: ")
    assert client.xlen(f"{{{namespace}}}:wal") >= 1
    assert producer(environ, "flush", "--moved-from", url).stdout == "1 operation delivered\n"
    assert list(first_occurrences(client, namespace).values()) == [[1]]
    figures = counted(environ["WAL_URL"], namespace)
    assert (figures["missing"], figures["duplicates"]) == (0, client.xlen(f"{{{namespace}}}:wal") - 1)


def test_the_directory_of_a_single_operation_can_be_named_by_the_environment(
    gated: dict[str, str], tmp_path: Path
) -> None:
    there = tmp_path / "there"
    done = producer({**gated, "WAL_SPOOL": str(there)}, "started", "a")
    assert done.returncode == 0
    assert f"producer: it waits in {there}: " in done.stderr
    assert files(there) == ["lock", "spool"]


def test_a_single_operation_whose_spool_cannot_be_used_is_recorded_while_redis_is_there(
    environ: dict[str, str], gated: dict[str, str], client: redis.Redis, namespace: str, tmp_path: Path
) -> None:
    nowhere = tmp_path / "file"
    nowhere.write_text("")
    done = producer(environ, "started", "a", "--spool", str(nowhere))
    assert done.returncode == 0
    assert done.stderr.startswith(f"producer: recorded without a spool: the spool {nowhere} cannot be used: ")
    assert client.xlen(f"{{{namespace}}}:wal") == 1
    done = producer(gated, "started", "a", "--spool", str(nowhere))
    assert done.returncode == os.EX_TEMPFAIL
    unusable, away = done.stderr.splitlines()
    assert unusable.startswith(f"producer: the spool {nowhere} cannot be used: ")
    assert away.startswith("producer: not acknowledged: 127.0.0.1:")


# -- flush --


def test_flush_delivers_what_was_left_and_says_how_much(
    gated: dict[str, str], gate: Proxy, spool: Path, client: redis.Redis, namespace: str
) -> None:
    for _ in range(3):
        producer(gated, "run", "--action", "a", "--", "true")
    gate.open()
    done = producer(gated, "flush")
    assert (done.returncode, done.stdout, done.stderr) == (0, "6 operations delivered\n", "")
    assert len(operations(client, namespace)) == 6
    assert files(spool) == []
    done = producer(gated, "flush")
    assert (done.returncode, done.stdout) == (0, "nothing waits\n")


def test_flush_without_redis_keeps_everything_and_says_why_in_time(gated: dict[str, str], spool: Path) -> None:
    producer(gated, "run", "--action", "a", "--", "true")
    began = time.monotonic()
    done = producer(gated, "flush", "--timeout", "0.5")
    assert time.monotonic() - began < 8
    assert done.returncode == os.EX_TEMPFAIL
    assert done.stderr.startswith("producer: 2 operations still wait: 127.0.0.1:")
    assert done.stderr.count("\n") == 1
    assert files(spool) == ["lock", "spool"]


def test_flush_leaves_to_a_running_producer_what_it_holds(
    environ: dict[str, str], namespace: str, spool: Path, client: redis.Redis
) -> None:
    with engine(AWAY, namespace, spool, "living", 3, meant=environ["WAL_URL"]) as living:
        living.wait_for(3)
        done = producer(environ, "flush")
        assert done.returncode == 0
        assert done.stdout == "nothing was delivered\n1 spool is of a running producer, which delivers it\n"
        assert not client.exists(f"{{{namespace}}}:wal")
        living.kill()
    assert producer(environ, "flush").stdout == "3 operations delivered\n"


def test_flush_says_what_was_damaged_and_delivers_the_rest(
    gated: dict[str, str], gate: Proxy, spool: Path, client: redis.Redis, namespace: str
) -> None:
    producer(gated, "run", "--action", "a", "--", "true")
    (path,) = spool.glob("*.spool")
    producer(gated, "run", "--action", "b", "--", "true")
    path.write_bytes(b"no database" * 1000)
    gate.open()
    done = producer(gated, "flush")
    assert (done.returncode, done.stdout) == (1, "2 operations delivered\n")
    assert f"producer: {path} was damaged: it is kept as " in done.stderr
    assert {op["action_id"] for op in operations(client, namespace)} == {"b"}
    assert files(spool) == ["damaged"]
    done = producer(gated, "flush")
    assert (done.returncode, done.stdout, done.stderr) == (0, "nothing waits\n", "")  # it was said


def test_flush_of_nothing(environ: dict[str, str], spool: Path) -> None:
    done = producer(environ, "flush")
    assert (done.returncode, done.stdout, done.stderr) == (0, "nothing waits\n", "")
    assert not spool.exists()
    spool.mkdir(parents=True)
    done = producer(environ, "flush", "--timeout", "0")
    assert (done.returncode, done.stdout, done.stderr) == (0, "nothing waits\n", "")


def test_flush_to_a_place_that_is_none(environ: dict[str, str], tmp_path: Path) -> None:
    done = producer(environ, "flush", "--url", "http://user:secret@host", "--spool", str(tmp_path))
    assert done.returncode == 2
    assert "expected redis://" in done.stderr
    assert "secret" not in done.stderr


@pytest.mark.parametrize("command", ["flush", "spool"])
def test_a_directory_that_was_mistyped_is_no_empty_one(environ: dict[str, str], tmp_path: Path, command: str) -> None:
    (tmp_path / "file").write_text("")
    for name, found in (("absent", "nothing"), ("file", "something else")):
        done = producer(environ, command, "--spool", str(tmp_path / name))
        assert (done.returncode, done.stdout) == (2, "")
        assert f"expected a directory of spools at {tmp_path / name}, found {found}" in " ".join(done.stderr.split())
        assert (tmp_path / name).exists() == (name == "file")


# -- what cannot be used --


def unprivileged(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command without root's right to read and write what modes forbid; each test runs as any user."""
    return subprocess.run(
        [PRODUCER, *arguments], env=environ, capture_output=True, text=True, check=False, preexec_fn=obey_modes
    )


@pytest.fixture
def read_only(gated: dict[str, str], spool: Path) -> Iterator[Path]:
    """The file of a run in a directory that nothing can be written to."""
    producer(gated, "run", "--action", "a", "--", "true")
    spool.chmod(0o555)
    yield from spool.glob("*.spool")
    spool.chmod(0o755)


def test_flush_of_a_directory_that_cannot_be_written_is_no_success_and_said_once(
    environ: dict[str, str], gate: Proxy, read_only: Path
) -> None:
    gate.open()
    done = unprivileged({**environ, "WAL_URL": gate.url}, "flush")
    assert (done.returncode, done.stdout) == (1, "nothing was delivered\n")
    said = done.stderr.splitlines()
    assert said[0].startswith(f"producer: the spool {read_only} cannot be used: ")
    assert said[1:] == ["producer: 1 spool could not be delivered"]
    assert read_only.exists()


def test_spool_tells_of_what_it_cannot_read_and_its_status_too(gated: dict[str, str], read_only: Path) -> None:
    done = unprivileged(gated, "spool")
    assert done.returncode == 1
    first, second = done.stdout.splitlines()
    assert first == f"{read_only.parent}: 0 operations wait, and what is in 1 file that cannot be used"
    assert second.startswith(f"  {read_only.name}: the spool {read_only} cannot be used: ")
    assert unprivileged(gated, "spool", "--json").returncode == 1


def test_a_run_in_a_directory_that_cannot_be_written_says_so_where_redis_is_away_too(
    gated: dict[str, str], read_only: Path
) -> None:
    done = unprivileged(gated, "run", "--action", "b", "--", "sh", "-c", "exit 3")
    assert done.returncode == 3
    away, unusable = done.stderr.rsplit("; ", 1)
    assert away.startswith("producer: b runs without a record: 127.0.0.1:")
    assert away.endswith(" (named by WAL_URL); start that server, or name another: --url, WAL_URL")
    assert unusable == f"the spool {read_only.parent} cannot be used: {os.strerror(errno.EACCES)}\n"


def test_another_user_s_file_stops_nobody_and_is_named(
    gated: dict[str, str], gate: Proxy, spool: Path, client: redis.Redis, namespace: str
) -> None:
    producer(gated, "run", "--action", "foreign", "--", "true")
    (foreign,) = spool.glob("*.spool")
    for path in spool.iterdir():
        path.chmod(0)
    done = unprivileged(gated, "run", "--action", "a", "--", "true")
    assert f"a runs and its record waits in {spool}: " in done.stderr
    done = unprivileged(gated, "spool")
    assert done.stdout.startswith(f"{spool}: 2 operations wait, and what is in 1 file that cannot be used\n")
    assert f"  {foreign.name}: the spool {foreign} cannot be used: {os.strerror(errno.EACCES)}\n" in done.stdout
    gate.open()
    done = unprivileged(gated, "flush")
    assert (done.returncode, done.stdout) == (1, "2 operations delivered\n")
    assert done.stderr.count(str(foreign)) == 1
    assert len(operations(client, namespace)) == 2
    for path in spool.iterdir():
        path.chmod(0o600)
    assert producer(gated, "flush").stdout == "2 operations delivered\n"


# -- spool --


def test_spool_shows_what_waits_and_for_whom(
    gated: dict[str, str], namespace: str, spool: Path, tmp_path: Path
) -> None:
    producer(gated, "run", "--action", "a", "--", "true")
    with engine(AWAY, namespace, spool, "living", 3) as living:
        living.wait_for(3)
        eventually(lambda: shown(gated)["operations"] == 5, what="the engine to note what waits")
        text = producer(gated, "spool").stdout
        assert text.startswith(f"{spool}: 5 operations wait\n")
        assert text.count(f" old, for {namespace} at {gated['WAL_URL']}, of ") == 1
        assert text.count(f" old, for {namespace} at {AWAY}, of ") == 1
        assert (text.count(", running\n"), text.count(", ended\n")) == (1, 1)
        found = {entry["held"]: entry for entry in shown(gated)["spools"]}
    assert (found[True]["by"], found[True]["operations"]) == (living.by, 3)
    assert (found[False]["operations"], found[False]["namespace"], found[False]["dropped"]) == (2, namespace, 0)
    assert found[False]["bytes"] > 100
    assert abs(time.time() - found[False]["oldest_at"] / 1000) < 60
    assert files(tmp_path) == [""]  # nothing was made elsewhere


def shown(environ: dict[str, str]) -> dict[str, Any]:
    done = producer(environ, "spool", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    Draft202012Validator(json.loads(schema_of("spool"))).validate(found)
    return found


def test_spool_shows_what_is_damaged_and_what_was_dropped(gated: dict[str, str], tmp_path: Path) -> None:
    there = tmp_path / "there"
    dropping = Producer(AWAY, spool=Spool(there, bytes=200, on_full="drop"))
    record(dropping, 10)
    dropping.close(timeout=0)
    (there / "old.damaged").write_text("")
    (there / "broken.spool").write_text("?" * 5000)
    text = producer(gated, "spool", "--spool", str(there)).stdout
    assert f", 8 dropped, for otters at {AWAY}, of " in text
    assert "broken.spool: the spool " in text
    assert "old.damaged: damaged, and put aside\n" in text
    assert (there / "broken.spool").read_text() == "?" * 5000


def test_spool_of_nothing(gated: dict[str, str], spool: Path) -> None:
    assert producer(gated, "spool").stdout == f"{spool}: 0 operations wait\n"
    assert shown(gated) == {"version": 1, "directory": str(spool), "operations": 0, "spools": [], "damaged": []}
    assert not spool.exists()
