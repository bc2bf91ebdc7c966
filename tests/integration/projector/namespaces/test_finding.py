"""Namespaces are found by names and globs, with their partitions, on a server and on every master of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from producer.connection.client import client_of
from producer.connection.wire import send_once
from producer.log import Call
from producer.partitions.naming import partitions_key, read_partitions_key
from producer.wal import wal_key
from projector.cli.addresses import LogAddresses
from projector.connection.reader import Reader
from projector.errors import ServerUnavailable
from projector.namespaces.finding import each_master
from tests.support.cluster import Cluster, running_cluster
from tests.support.servers import Server, vacant_port

pytestmark = pytest.mark.server


def record(url: str, *namespaces: str) -> None:
    for namespace in namespaces:
        client, _ = client_of(url, namespace)
        with client:
            send_once(client, "XADD", wal_key(namespace), "*", "op", "{}")


def set_partitions(url: str, namespace: str, *, written: int, read: int) -> None:
    client, _ = client_of(url, namespace)
    with client:
        send_once(client, "SET", partitions_key(namespace), written)
        send_once(client, "SET", read_partitions_key(namespace), read)


def found(url: str, *texts: str) -> list[str]:
    return LogAddresses(url=url, namespace=list(texts)).found()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = Server(tmp_path_factory.mktemp("server")).start()
    record(server.url, "team-a", "team-b", "billing", "otters.00", "otters.02", "grown", "grown.00")
    set_partitions(server.url, "otters", written=2, read=3)
    set_partitions(server.url, "grown", written=1, read=1)
    yield server.url
    server.kill()


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["team-*"], ["team-a", "team-b"]),
        (["billing", "team-a", "team-?"], ["billing", "team-a", "team-b"]),
        (["nobody"], ["nobody"]),
        (["nobody*"], []),
        (["otters"], ["otters.00", "otters.01", "otters.02"]),
        (["otter?"], ["otters.00", "otters.01", "otters.02"]),
        (["otters.*"], ["otters.00", "otters.02"]),
        (["grown"], ["grown", "grown.00"]),
    ],
    ids=[
        "those that a glob takes",
        "each once",
        "a name without a log",
        "no log is like that",
        "all partitions that there ever were",
        "by a glob of the whole",
        "by a glob of partitions, those that have a log",
        "and the log of before",
    ],
)
def test_what_is_found(url: str, texts: list[str], expected: list[str]) -> None:
    assert found(url, *texts) == expected


def test_a_server_that_is_away_is_told() -> None:
    with pytest.raises(ServerUnavailable):
        found(f"redis://127.0.0.1:{vacant_port()}/0", "team-*")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    yield from running_cluster(tmp_path_factory.mktemp("cluster"))


def test_on_a_cluster_every_master_is_searched_whichever_node_is_named(cluster: Cluster) -> None:
    names = [f"team-{number}" for number in range(12)]
    record(cluster.masters[0].url, *names)
    set_partitions(cluster.masters[0].url, "otters", written=4, read=4)
    holding = [int(master.client().dbsize()) for master in cluster.masters]
    assert all(holding), holding  # else this test would search less than it says
    for node in (*cluster.masters, cluster.replica):
        assert found(node.url, "team-*") == sorted(names)
        assert found(node.url, "otters") == [f"otters.0{number}" for number in range(4)]


def test_each_master_is_asked_once_however_its_slots_lie(cluster: Cluster) -> None:
    with ExitStack() as stack:

        def call_of(namespace: str) -> Call:
            client, _ = client_of(cluster.masters[0].url, namespace)
            stack.callback(client.close)
            return Reader(client, wal_key(namespace).encode()).call

        runs = [_run_id(call) for call in each_master(call_of)]
    assert len(runs) == len(set(runs)) == len(cluster.masters)


def _run_id(call: Call) -> str:
    (line,) = [line for line in call("INFO", "server").decode().splitlines() if line.startswith("run_id:")]
    return str(line)
