"""Real sentinels: who works by a sentinel:// URL goes on after a failover, and its operations count once."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from producer import Producer
from projector import AsyncQuery, Query
from projector.worker.projector import Projector
from tests.support.commands import projector
from tests.support.projecting import running
from tests.support.servers import Server, die_with_parent, eventually, free_port, server_program, vacant_port

pytestmark = pytest.mark.server

PASSWORD = "s3cret"
SENTINEL_PASSWORD = "s4cret"
MASTER = "main"
AT_ONCE = ("--repl-diskless-sync-delay", "0")


class Pair:
    """A master and its replica, and one sentinel that watches them; all want passwords."""

    def __init__(self, master: Server, replica: Server, sentinel_port: int) -> None:
        self.master = master
        self.replica = replica
        self.sentinel_port = sentinel_port
        self.sentinel = redis.Redis(
            port=sentinel_port, password=SENTINEL_PASSWORD, protocol=2, retry=Retry(NoBackoff(), 0)
        )

    @property
    def url(self) -> str:
        """Of two sentinels, the first of which is down."""
        hosts = f"127.0.0.1:{vacant_port()},127.0.0.1:{self.sentinel_port}"
        return f"sentinel://:{PASSWORD}@{hosts}/{MASTER}?sentinel_password={SENTINEL_PASSWORD}"

    def fail_over(self) -> None:
        """Make the replica the master, and the master its replica: until then it goes on taking what is written."""
        with client_of(self.master) as client:
            eventually(lambda: client.execute_command("WAIT", 1, 100) == 1, what="the replica to have all")
        eventually(self._begins_failover, what="the sentinel to begin the failover")
        eventually(lambda: self._master_port() == self.replica.port, what="the sentinel to name the new master")
        with client_of(self.master) as client:
            eventually(lambda: client.info("replication")["role"] == "slave", what="the old master to be the replica")

    def is_watched(self) -> bool:
        try:
            return self._master_port() == self.master.port
        except redis.ConnectionError:
            return False

    def _begins_failover(self) -> bool:
        try:
            return bool(self.sentinel.execute_command("SENTINEL FAILOVER", MASTER))
        except redis.ResponseError:  # NOGOODSLAVE, INPROG: it has to look around first
            return False

    def _master_port(self) -> int:
        found = self.sentinel.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", MASTER)
        return int(found[1])


def client_of(server: Server) -> redis.Redis:
    return redis.Redis(port=server.port, password=PASSWORD, protocol=2)


@contextmanager
def locked(server: Server) -> Iterator[Server]:
    """The server, started, and wanting a password."""
    server.start()
    try:
        with server.client() as client:
            client.config_set("masterauth", PASSWORD)
            client.config_set("requirepass", PASSWORD)
        yield server
    finally:
        server.kill()


@contextmanager
def watching(directory: Path, master: Server) -> Iterator[int]:
    """A sentinel of its own process; its port."""
    directory.mkdir()
    port = free_port()
    configuration = directory / "sentinel.conf"
    configuration.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {directory}\nrequirepass {SENTINEL_PASSWORD}\n"
        f"sentinel monitor {MASTER} 127.0.0.1 {master.port} 1\nsentinel auth-pass {MASTER} {PASSWORD}\n"
        f"sentinel down-after-milliseconds {MASTER} 2000\nsentinel failover-timeout {MASTER} 10000\n"
    )
    with (directory / "sentinel.log").open("wb") as log:
        process = subprocess.Popen(
            [server_program(), str(configuration), "--sentinel"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,
        )
    try:
        yield port
    finally:
        process.kill()
        process.wait(20)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with locked(Server(tmp_path / "master", *AT_ONCE)) as master, locked(Server(tmp_path / "replica")) as replica:
        with client_of(replica) as client:
            client.replicaof("127.0.0.1", master.port)
            eventually(lambda: client.info("replication")["master_link_status"] == "up", what="the replication")
        with watching(tmp_path / "sentinel", master) as port:
            found = Pair(master, replica, port)
            eventually(found.is_watched, what="the sentinel to answer")
            yield found


def record(producer: Producer, count: int) -> None:
    for _ in range(count):
        producer.action_execution_completed("backup", True, duration_ms=5)


def test_producer_projector_and_query_go_on_after_a_failover(pair: Pair, namespace: str) -> None:
    url = pair.url
    with Producer(url, namespace, timeout=30) as producer, Query(url, namespace) as query:

        def wait_for(count: int) -> None:
            eventually(lambda: query.action_stats("backup").total_executions == count, what=f"{count} projected")

        with running(Projector(url, namespace, lease_ttl=1.0)):
            record(producer, 5)
            wait_for(5)
            pair.fail_over()
            record(producer, 5)
            wait_for(10)
        status = query.status()
    assert (status.entries, status.duplicates, status.missing) == (10, 0, 0)
    with client_of(pair.replica) as client:
        assert client.xlen(f"{{{namespace}}}:wal") == 10


def test_an_asyncio_query_goes_on_after_a_failover(pair: Pair, namespace: str) -> None:
    async def ask() -> None:
        async with AsyncQuery(pair.url, namespace) as query:
            assert (await query.status()).entries == 0
            pair.fail_over()
            assert (await query.status()).entries == 0
            assert "Sentinel's master" in repr(query)

    asyncio.run(ask())


def test_the_command_line_takes_the_url_and_shows_no_password(pair: Pair, namespace: str) -> None:
    with Producer(pair.url, namespace) as producer:
        record(producer, 1)
    ended = projector("doctor", "--interval", "0", "--url", pair.url, "--namespace", namespace)
    assert "a master" in ended.stdout
    unknown = projector("status", "--url", pair.url.replace(f"/{MASTER}?", "/nobody?"))
    assert unknown.returncode == 69
    assert unknown.stderr.count("\n") == 1
    assert f"sentinel 127.0.0.1:{pair.sentinel_port}: knows no master of that name" in unknown.stderr
    for wrong in (pair.url.replace(PASSWORD, "wr0ng"), pair.url.replace(SENTINEL_PASSWORD, "wr0ng")):
        refused = projector("status", "--url", wrong)
        assert (refused.returncode, refused.stderr.count("\n")) == (69, 1)
        assert all(secret not in refused.stderr for secret in (PASSWORD, SENTINEL_PASSWORD, "wr0ng"))
