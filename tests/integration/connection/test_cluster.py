"""A cluster by URL: whichever node is named, everything goes to the node that has the namespace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from redis.cluster import ClusterNode, RedisCluster

from producer import Producer, Spool
from producer.connection.client import Client, using_client
from producer.connection.destination import Destination
from producer.connection.nodes import cluster_url
from projector import AsyncQuery, Projector, Query
from projector.doctor import Severity, examine
from projector.errors import ServerUnavailable
from projector.query.results import Totals
from projector.shadow import rebuild
from projector.verification import verify
from tests.support.cluster import NAMESPACE, Cluster, bus_port_of, cluster_servers, introduce, running_cluster
from tests.support.commands import projector
from tests.support.servers import Server, eventually, vacant_port

pytestmark = pytest.mark.server

ELSEWHERE = "otters"
"""A namespace that the second master has."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    yield from running_cluster(tmp_path_factory.mktemp("cluster"))


def by_another_node(cluster: Cluster) -> str:
    return cluster.masters[2].url


def by_a_replica(cluster: Cluster) -> str:
    return cluster.replica.url


def by_nodes_of_which_the_first_is_away(cluster: Cluster) -> str:
    return f"cluster://127.0.0.1:1,127.0.0.1:{cluster.masters[1].port}"


@pytest.mark.parametrize("url_of", [by_another_node, by_a_replica, by_nodes_of_which_the_first_is_away])
def test_everything_works_by_the_url_of_any_node(
    cluster: Cluster, url_of: Callable[[Cluster], str], tmp_path: Path
) -> None:
    url = url_of(cluster)
    with Producer(url, NAMESPACE) as direct, Producer(url, NAMESPACE, spool=tmp_path) as spooled:
        direct.cleanup_executed("stale-locks", "lock:1", "release", True)
        spooled.cleanup_executed("stale-locks", "lock:2", "release", True)
        assert spooled.flush(30)
    assert Projector(url, NAMESPACE).drain() == 2
    with Query(url, NAMESPACE) as query:
        totals = query.totals()
        assert asyncio.run(_totals(url)) == totals
    assert verify(url, NAMESPACE).differences == ()
    assert rebuild(url, NAMESPACE).entries == totals.cleanups
    wrong = [finding.check for finding in examine(url, NAMESPACE, seconds=0) if finding.severity is Severity.WRONG]
    assert wrong == ["projector"]  # none is active
    assert "lock:2" in projector("cleanups", "--url", url, "--namespace", NAMESPACE).stdout


async def _totals(url: str) -> Totals:
    async with AsyncQuery(url, NAMESPACE) as query:
        return await query.totals()


def test_a_spool_delivers_what_was_left_for_a_namespace_on_another_node(cluster: Cluster, tmp_path: Path) -> None:
    url = by_another_node(cluster)
    with using_client(url) as client:
        destination = Destination.of(client)
    gone = f"redis://127.0.0.1:{vacant_port()}"
    with Producer(gone, ELSEWHERE, spool=Spool(tmp_path, destination=destination)) as dead:
        dead.cleanup_executed("stale-locks", "lock:1", "release", True)
    with Producer(url, NAMESPACE, spool=tmp_path) as heir:
        heir.cleanup_executed("stale-locks", "lock:2", "release", True)
        assert heir.flush(30)
    with Query(url, ELSEWHERE) as query:
        assert query.status().wal_length == 1


def test_a_node_that_answers_will_do_where_the_address_that_it_announces_leads_nowhere(tmp_path: Path) -> None:
    """As behind a forwarded port: what CLUSTER SLOTS names cannot be reached from here."""
    announced = ("--cluster-enabled", "yes", "--cluster-announce-port", str(vacant_port()))
    server = Server(tmp_path, *announced).start()
    try:
        with server.client() as client:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            eventually(lambda: client.execute_command("CLUSTER INFO")["cluster_state"] == "ok", what="the cluster")
        for _ in range(3):
            with Producer(server.url, NAMESPACE) as producer:
                producer.cleanup_executed("stale-locks", "lock:1", "release", True)
        with Query(server.url, NAMESPACE) as query:
            assert query.status().wal_length == 3
    finally:
        server.kill()


@pytest.fixture(scope="module")
def out_of_touch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A node that takes itself for the master of `NAMESPACE`, and reaches none of the others, which may have elected
    another: it serves nothing."""
    servers = cluster_servers(tmp_path_factory.mktemp("node"))
    introduce(servers, [bus_port_of(server) for server in servers])
    node = servers[0].start()
    try:
        with node.client() as client:
            eventually(
                lambda: client.execute_command("CLUSTER INFO")["cluster_state"] == "fail", what="its loneliness"
            )
        yield node
    finally:
        node.kill()


def url_of(*servers: Server) -> str:
    return "cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in servers)


def client_of(*servers: Server) -> RedisCluster:
    given = [ClusterNode("127.0.0.1", server.port) for server in servers]
    return RedisCluster(startup_nodes=given, dynamic_startup_nodes=False)  # else it forgets what it was given


@pytest.mark.parametrize("target_of", [url_of, client_of])
def test_a_node_that_is_out_of_touch_is_left_for_one_that_knows_better(
    cluster: Cluster,
    out_of_touch: Server,
    target_of: Callable[..., str | Client],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("redis.cluster.random.shuffle", lambda _nodes: None)  # else redis-py may begin with the other
    servers = out_of_touch, cluster.masters[1]
    with (
        Producer(target_of(*servers), NAMESPACE, timeout=10.0) as direct,
        Producer(target_of(*servers), NAMESPACE, spool=tmp_path) as spooled,
        Query(cluster.masters[1].url, NAMESPACE) as query,
    ):
        before = query.status().wal_length
        direct.cleanup_executed("stale-locks", "lock:1", "release", True)
        spooled.cleanup_executed("stale-locks", "lock:2", "release", True)
        assert spooled.flush(30)
        assert query.status().wal_length == before + 2
    with Query(target_of(*servers), NAMESPACE) as query:
        eventually(lambda: _length(query) == before + 2, what="a query that finds the log")
    assert asyncio.run(_length_by_asyncio(url_of(*servers))) == before + 2


async def _length_by_asyncio(url: str) -> int:
    async with AsyncQuery(url, NAMESPACE) as query:
        for _ in range(3):  # the first question may learn that the node is out of touch
            with suppress(ServerUnavailable):
                return (await query.status()).wal_length
    return 0


def _length(query: Query) -> int:
    with suppress(ServerUnavailable):
        return query.status().wal_length
    return 0


@pytest.mark.parametrize(
    ("url", "taken", "named"),
    [
        ("cluster://one", "redis://one:6379/0", [("one", 6379)]),
        ("cluster://u:p@one:1,[::2]:2/0?timeout=3", "redis://u:p@one:1/0?timeout=3", [("one", 1), ("::2", 2)]),
        ("cluster://one:1/?ssl=true&ssl_ca_certs=/ca", "rediss://one:1/0?ssl_ca_certs=/ca", [("one", 1)]),
    ],
)
def test_a_cluster_url_names_nodes_and_is_otherwise_as_a_redis_url(
    url: str, taken: str, named: list[tuple[str, int]]
) -> None:
    assert cluster_url(url) == (taken, named)
