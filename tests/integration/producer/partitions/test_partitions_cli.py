"""`--partitions` of the commands that record."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis

from producer.partitions.naming import partition_number, partition_of, partitions_key
from tests.support.commands import PRODUCER, run_command
from tests.support.servers import Server, vacant_port

pytestmark = pytest.mark.server


class Shell:
    """Runs `producer` for one namespace and one spool."""

    def __init__(self, url: str, namespace: str, place: Path) -> None:
        self.namespace = namespace
        self.variables = {"WAL_URL": url, "WAL_NAMESPACE": namespace, "WAL_SPOOL": str(place)}

    def __call__(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return run_command([PRODUCER, *arguments], env={**os.environ, **self.variables, **variables}, text=True)


@pytest.fixture
def shell(shared_server: Server, namespace: str, tmp_path: Path) -> Shell:
    return Shell(shared_server.url, namespace, tmp_path / "spool")


def types_of(client: redis.Redis, namespace: str, name: str, count: int = 16) -> list[str]:
    log = f"{{{partition_of(namespace, partition_number(name, count))}}}:wal"
    entries: Any = client.xrange(log)
    return [orjson.loads(fields[b"op"])["type"] for _, fields in entries]


def test_run_records_to_the_partition_of_its_action(shell: Shell, client: redis.Redis) -> None:
    ran = shell("run", "--action", "backup", "--partitions", "16", "--", "echo", "hello")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "hello\n", "")
    assert types_of(client, shell.namespace, "backup") == ["action_execution_started", "action_execution_completed"]
    assert client.get(partitions_key(shell.namespace)) == b"16"


def test_run_with_another_number_runs_and_says_so(shell: Shell, client: redis.Redis) -> None:
    client.set(partitions_key(shell.namespace), 16)
    ran = shell("run", "--action", "backup", "--partitions", "32", "--", "echo", "hello")
    assert (ran.returncode, ran.stdout) == (0, "hello\n")
    assert ran.stderr.startswith("producer: backup runs and its record waits in ")
    assert f"projector repartition 32 --namespace {shell.namespace}" in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_single_operations_go_to_the_partition_of_their_action_or_scanner(shell: Shell, client: redis.Redis) -> None:
    for arguments in (
        ("started", "notify"),
        ("completed", "notify", "--success"),  # the start is looked up in its partition
        ("cleanup", "stale-locks", "lock:x", "release", "--success"),
    ):
        done = shell(*arguments, WAL_PARTITIONS="16")
        assert (done.returncode, done.stderr) == (0, "")
    assert types_of(client, shell.namespace, "notify") == ["action_execution_started", "action_execution_completed"]
    assert types_of(client, shell.namespace, "stale-locks") == ["cleanup_executed"]


def test_a_single_operation_with_another_number_is_refused(shell: Shell, client: redis.Redis) -> None:
    client.set(partitions_key(shell.namespace), 16)
    done = shell("started", "notify", "--partitions", "32")
    assert done.returncode != 0
    assert f"projector repartition 32 --namespace {shell.namespace}" in done.stderr
    assert client.keys(f"{{{shell.namespace}*") == [partitions_key(shell.namespace).encode()]


def test_what_waited_for_a_partition_goes_there_before_the_next(shell: Shell, client: redis.Redis) -> None:
    # Of a Redis that is away by another password of the same server, so that the spool is for the same destination.
    away = {"WAL_URL": f"redis://localhost:{vacant_port()}", "WAL_PARTITIONS": "16"}
    waits = shell("started", "notify", **away)
    assert waits.returncode == 0
    assert "it waits in" in waits.stderr
    moved = shell("flush", "--moved-from", away["WAL_URL"])
    assert moved.returncode == 0, moved.stderr
    assert types_of(client, shell.namespace, "notify") == ["action_execution_started"]


def test_a_number_out_of_bounds_is_a_usage_error(shell: Shell) -> None:
    for number in ("0", "1001", "x"):
        assert shell("started", "notify", "--partitions", number).returncode == 2


def test_the_settings_file_has_the_number(shell: Shell, client: redis.Redis, tmp_path: Path) -> None:
    settings = tmp_path / "wal.toml"
    settings.write_text("partitions = 16\n")
    done = shell("started", "notify", WAL_CONFIG=str(settings))
    assert (done.returncode, done.stderr) == (0, "")
    assert types_of(client, shell.namespace, "notify") == ["action_execution_started"]
