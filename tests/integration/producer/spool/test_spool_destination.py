"""Two servers, one directory: what waits reaches the server and the namespace that it was recorded for, or stays."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from producer import Producer, Spool
from producer.connection.destination import Destination
from producer.connection.location import announce
from producer.connection.server import UNNAMED, Server
from producer.spool.directory import SpoolDirectory
from producer.spool.survey import Survey
from tests.support.commands import PRODUCER, run_command
from tests.support.proxy import Proxy
from tests.support.recording import PATIENT, record
from tests.support.servers import Server as RealServer
from tests.support.spooling import counted, cut_off, files, first_occurrences

pytestmark = pytest.mark.server

BIN = Path(sys.executable).parent


@pytest.fixture
def gate(own_server: RealServer) -> Iterator[Proxy]:
    """The way to the other server, shut for now."""
    with Proxy(own_server.port, shut=True) as way:
        yield way


@pytest.fixture
def other(own_server: RealServer) -> Iterator[redis.Redis]:
    """A look at the other server."""
    with own_server.client() as connected:
        yield connected


@pytest.fixture
def environ(shared_server: RealServer, namespace: str, tmp_path: Path) -> dict[str, str]:
    """Of commands for the server that is there."""
    return {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "WAL_URL": shared_server.url,
        "WAL_NAMESPACE": namespace,
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }


@pytest.fixture
def elsewhere(environ: dict[str, str], gate: Proxy) -> dict[str, str]:
    """Of commands for the other one."""
    return {**environ, "WAL_URL": gate.url}


@pytest.fixture
def unnamed(environ: dict[str, str]) -> dict[str, str]:
    """Of commands that are told of no server."""
    return {name: value for name, value in environ.items() if name != "WAL_URL"}


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Where `producer run` spools by itself."""
    return tmp_path / "state" / "execution-wal" / "spool"


def producer(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_command([PRODUCER, *arguments], env=environ, text=True)


def shown_command(text: str, before: str) -> list[str]:
    """The command that stands in `text` behind these words."""
    (line,) = (line for line in text.splitlines() if before in line)
    return shlex.split(line.partition(before)[2])


def length(client: redis.Redis, namespace: str) -> int:
    found = client.xlen(f"{{{namespace}}}:wal")
    assert isinstance(found, int)
    return found


def owed(spool: Path) -> dict[tuple[str, str], int]:
    survey = Survey.of(SpoolDirectory(spool))
    return {(server.url, namespace): count for (server, namespace), count in survey.left_behind.items()}


# -- by themselves --


def test_runs_for_two_servers_reach_each_its_own(
    environ: dict[str, str],
    elsewhere: dict[str, str],
    gate: Proxy,
    spool: Path,
    client: redis.Redis,
    other: redis.Redis,
    namespace: str,
) -> None:
    producer(elsewhere, "run", "--action", "there", "--", "true")
    for _ in range(2):
        done = producer(environ, "run", "--action", "here", "--", "true")
        assert (done.returncode, done.stderr) == (0, "")
    assert owed(spool) == {(gate.url, namespace): 2}
    gate.open()
    assert producer(elsewhere, "run", "--action", "there", "--", "true").stderr == ""
    assert list(first_occurrences(client, namespace).values()) == [[1, 2], [1, 2]]
    assert list(first_occurrences(other, namespace).values()) == [[1, 2], [1, 2]]
    assert files(spool) == []


def test_two_servers_and_two_namespaces_share_a_directory(
    shared_server: RealServer,
    own_server: RealServer,
    client: redis.Redis,
    other: redis.Redis,
    namespace: str,
    spool: Path,
) -> None:
    names = namespace, f"{namespace}-b"
    for url in (shared_server.url, own_server.url):
        for count, name in enumerate(names, 1):
            with cut_off(url, name, spool) as dead:
                record(dead, count, label=f"{url} {name}")
    heirs = [Producer(url, f"{namespace}-heir", spool=spool) for url in (shared_server.url, own_server.url)]
    for heir in heirs:
        assert heir.flush(PATIENT)
        heir.close()
    for connected, url in ((client, shared_server.url), (other, own_server.url)):
        for count, name in enumerate(names, 1):
            entries: object = connected.xrange(f"{{{name}}}:wal")
            assert str(entries).count(f'"{url} {name}"') == count
            assert counted(url, name) == {"duplicates": 0, "missing": 0, "quarantined": 0, "cleanups": count}
    assert files(spool) == []


def test_a_client_object_inherits_what_was_left_by_a_url_of_the_same_server(
    shared_server: RealServer, client: redis.Redis, namespace: str, spool: Path
) -> None:
    with cut_off(shared_server.url, namespace, spool) as dead:
        by = record(dead, 3)
    with (
        redis.Redis("127.0.0.1", shared_server.port) as given,
        Producer(given, namespace, spool=spool) as heir,
    ):
        assert heir.flush(PATIENT)
    assert first_occurrences(client, namespace) == {by: [1, 2, 3]}


def test_what_was_recorded_while_the_embedded_server_was_down_reaches_it_when_it_is_up_again(
    shared_server: RealServer,
    unnamed: dict[str, str],
    environ: dict[str, str],
    client: redis.Redis,
    namespace: str,
    spool: Path,
    tmp_path: Path,
) -> None:
    nowhere = Server("redis://localhost:6379/0")
    client_away = redis.Redis("127.0.0.1", 1)
    with Producer(
        client_away, namespace, spool=Spool(spool, destination=Destination(server=nowhere, recorded=UNNAMED))
    ) as dead:
        by = record(dead, 3)
    refused = producer({**environ, "WAL_URL": f"redis://127.0.0.1:{shared_server.port}/1"}, "flush")
    assert refused.returncode == 1
    assert "wait for the server that is used when none is named" in refused.stderr
    command = shown_command(refused.stderr, "to deliver them there, when it runs: ")
    assert command == ["env", "-u", "WAL_URL", "producer", "flush"]
    with announce(shared_server.url, tmp_path / "data", unnamed):
        assert subprocess.run(command, env=environ, capture_output=True, check=False).returncode == 0
    assert first_occurrences(client, namespace) == {by: [1, 2, 3]}


# -- flush --


@pytest.fixture
def waiting(elsewhere: dict[str, str], gate: Proxy, namespace: str, spool: Path) -> str:
    """The URL of the other server, for which a run waits; with a password that its user had in it."""
    secret = gate.url.replace("redis://", "redis://:s3cret@")
    producer({**elsewhere, "WAL_URL": secret}, "run", "--action", "there", "--", "true")
    assert owed(spool) == {(gate.url, namespace): 2}
    return gate.url


def test_flush_leaves_what_is_for_another_server_and_shows_the_command_that_delivers_it(
    environ: dict[str, str], waiting: str, gate: Proxy, client: redis.Redis, other: redis.Redis, namespace: str
) -> None:
    done = producer(environ, "flush")
    assert (done.returncode, done.stdout) == (1, "nothing was delivered\n")
    said = done.stderr.splitlines()
    assert (
        said[0] == f"producer: 2 operations of namespace {namespace} wait for {waiting}, not for {environ['WAL_URL']}"
    )
    assert len(said) == 3
    assert "s3cret" not in done.stderr
    assert length(client, namespace) == 0
    command = shown_command(done.stderr, "if it has one: ")
    assert command == ["producer", "flush", "--url", waiting]
    gate.open()
    delivered = producer(environ, *command[1:])
    assert (delivered.returncode, delivered.stdout) == (0, "2 operations delivered\n")
    assert length(other, namespace) == 2


@pytest.mark.parametrize("how", ["by the environment", "by an option"])
def test_flush_delivers_to_the_server_that_has_taken_the_other_s_place_by_the_command_that_it_shows(
    environ: dict[str, str],
    unnamed: dict[str, str],
    waiting: str,
    client: redis.Redis,
    namespace: str,
    spool: Path,
    how: str,
) -> None:
    url = environ["WAL_URL"]
    options, env = (["--url", url], unnamed) if how == "by an option" else ([], environ)
    done = producer(env, "flush", *options)
    command = shown_command(done.stderr, f"if {url} has taken its place: ")
    assert command == ["producer", "flush", "--moved-from", waiting, *options]
    delivered = producer(env, *command[1:])
    assert (delivered.returncode, delivered.stdout, delivered.stderr) == (0, "2 operations delivered\n", "")
    assert list(first_occurrences(client, namespace).values()) == [[1, 2]]
    assert files(spool) == []


def test_what_is_delivered_in_part_to_a_server_that_took_another_s_place_stays_with_it(
    environ: dict[str, str],
    waiting: str,
    gate: Proxy,
    client: redis.Redis,
    other: redis.Redis,
    namespace: str,
    spool: Path,
) -> None:
    client.set(f"{{{namespace}}}:wal", "no stream")
    done = producer(environ, "flush", "--moved-from", waiting, "--timeout", "1")
    assert done.returncode == os.EX_TEMPFAIL
    assert owed(spool) == {(environ["WAL_URL"], namespace): 2}
    client.delete(f"{{{namespace}}}:wal")
    gate.open()
    assert producer(environ, "flush", "--url", waiting).returncode == 1
    assert producer(environ, "flush").stdout == "2 operations delivered\n"
    assert (length(client, namespace), length(other, namespace)) == (2, 0)


def test_flush_to_a_server_that_is_away_says_both_what_is_late_and_what_is_for_elsewhere(
    environ: dict[str, str], waiting: str, shared_server: RealServer, namespace: str, spool: Path
) -> None:
    with cut_off(shared_server.url, namespace, spool) as dead:
        record(dead, 3)
    done = producer(environ, "flush", "--url", waiting, "--timeout", "0.5")
    assert done.returncode == os.EX_TEMPFAIL
    assert f"3 operations of namespace {namespace} wait for {shared_server.url}, not for {waiting}" in done.stderr
    assert "2 operations still wait: 127.0.0.1:" in done.stderr
    assert owed(spool) == {(waiting, namespace): 2, (shared_server.url, namespace): 3}


def test_flush_for_one_namespace_leaves_the_others(
    environ: dict[str, str], shared_server: RealServer, client: redis.Redis, namespace: str, spool: Path
) -> None:
    for name in (namespace, f"{namespace}-b"):
        with cut_off(shared_server.url, name, spool) as dead:
            record(dead, 3)
    done = producer(environ, "flush", "--namespace", f"{namespace}-b")
    assert (done.returncode, done.stdout) == (1, "3 operations delivered\n")
    assert f"3 operations of namespace {namespace} wait for {shared_server.url}, too" in done.stderr
    assert (length(client, namespace), length(client, f"{namespace}-b")) == (0, 3)
    assert producer(environ, "flush").returncode == 0
    assert length(client, namespace) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--moved-from", "http://me:s3cret@host"], "expected redis://"),
        (["--moved-from", "reids://x"], "Error: Invalid value for --moved-from: the URL's scheme: expected redis://"),
        (["--namespace", "no good"], "namespace: expected"),
    ],
)
def test_flush_of_what_makes_no_sense_touches_nothing(
    environ: dict[str, str], waiting: str, namespace: str, spool: Path, arguments: list[str], said: str
) -> None:
    done = producer(environ, "flush", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "s3cret" not in done.stderr
    assert "WAL_URL" not in done.stderr
    assert owed(spool) == {(waiting, namespace): 2}


# -- spool --


def test_spool_shows_the_command_that_delivers_what_waits(
    environ: dict[str, str],
    waiting: str,
    gate: Proxy,
    other: redis.Redis,
    namespace: str,
    tmp_path: Path,
    spool: Path,
) -> None:
    moved = tmp_path / "a place"
    spool.rename(moved)
    done = producer(environ, "spool", "--spool", str(moved))
    assert f"for {namespace} at {waiting}, of " in done.stdout
    assert "s3cret" not in done.stdout
    command = shown_command(done.stdout, "if it has one: ")
    assert command == ["producer", "flush", "--spool", str(moved), "--url", waiting]
    gate.open()
    assert producer(environ, *command[1:]).returncode == 0
    assert length(other, namespace) == 2
