"""Leftovers that the server refuses: those of other namespaces are delivered past them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.support.commands import PRODUCER, environment_of, run_command
from tests.support.servers import Server
from tests.support.spooling import cut_off, files

pytestmark = pytest.mark.server


@pytest.fixture
def environ(shared_server: Server, namespace: str, tmp_path: Path) -> dict[str, str]:
    return environment_of(shared_server.url, namespace, XDG_STATE_HOME=str(tmp_path / "state"))


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "state" / "execution-wal" / "spool"


@pytest.fixture
def blocked(environ: dict[str, str], namespace: str, client: redis.Redis, spool: Path) -> Iterator[str]:
    """A namespace whose log is no stream, while a cleanup waits for it, behind which others wait."""
    name = f"{namespace}-blocked"
    client.set(f"{{{name}}}:wal", "foo")
    with cut_off(environ["WAL_URL"], name, spool) as dead:
        dead.cleanup_executed("s", "1", "delete", True)
        dead.close(timeout=0)
    yield name
    client.delete(f"{{{name}}}:wal")


def producer(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_command([PRODUCER, *arguments], env=environ, text=True)


def test_a_flush_delivers_what_waits_behind_it_and_names_its_namespace_and_key(
    environ: dict[str, str], blocked: str, namespace: str, client: redis.Redis, spool: Path
) -> None:
    with cut_off(environ["WAL_URL"], namespace, spool) as dead:
        dead.cleanup_executed("s", "1", "delete", True)
        dead.close(timeout=0)
    done = producer(environ, "flush", "--timeout", "1")
    assert (done.returncode, done.stdout) == (75, "1 operation delivered\n")
    assert done.stderr.startswith("producer: 1 operation still waits: 127.0.0.1:")
    assert "WRONGTYPE" in done.stderr
    assert done.stderr.endswith(f"(key {{{blocked}}}:wal of namespace {blocked})\n")
    assert client.xlen(f"{{{namespace}}}:wal") == 1
    client.delete(f"{{{blocked}}}:wal")
    assert producer(environ, "flush").returncode == 0
    assert files(spool) == []


@pytest.mark.usefixtures("blocked")
def test_single_operations_and_runs_of_another_namespace_are_recorded_in_silence(
    environ: dict[str, str], namespace: str, client: redis.Redis, spool: Path
) -> None:
    done = producer(environ, "started", "backup")
    assert (done.returncode, done.stderr) == (0, "")
    done = producer(environ, "run", "--action", "sweep", "--", "true")
    assert (done.returncode, done.stderr) == (0, "")
    assert client.xlen(f"{{{namespace}}}:wal") == 3
    assert files(spool).count("spool") == 1


def test_an_operation_of_its_own_namespace_waits_behind_it(
    environ: dict[str, str], blocked: str, spool: Path
) -> None:
    done = producer(environ, "cleanup", "s", "2", "delete", "--success", "--namespace", blocked)
    assert done.stderr.startswith(f"producer: it waits in {spool}: 127.0.0.1:")
    assert f"namespace {blocked}" in done.stderr
    assert files(spool).count("spool") == 2
