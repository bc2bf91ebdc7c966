"""Partitions in a cluster: each at a node of its own, found from the URL of any node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.cluster import RedisCluster
from redis.crc import key_slot

from producer import Producer
from producer.partitions.naming import partition_number, partition_of, partitions_key
from tests.support.cluster import Cluster, running_cluster

pytestmark = pytest.mark.server

COUNT = 16
NAMES = [f"action-{number}" for number in range(60)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    yield from running_cluster(tmp_path_factory.mktemp("cluster"))


@pytest.mark.parametrize("way", ["direct", "spool", "buffer"])
@pytest.mark.parametrize("first", [0, 1, 2])
def test_a_producer_by_the_url_of_any_node_records_to_all_partitions(
    cluster: Cluster, namespace: str, way: str, first: int, tmp_path: Path
) -> None:
    ways: dict[str, dict[str, Any]] = {"direct": {}, "spool": {"spool": tmp_path}, "buffer": {"buffer": 1000}}
    with Producer(cluster.masters[first].url, namespace, partitions=COUNT, **ways[way]) as producer:
        for name in NAMES:
            with producer.execution(name, source="manual"):
                pass
        assert producer.flush(60)
        assert producer.unwatched is None
    masters = set()
    for number in range(COUNT):
        partition = partition_of(namespace, number)
        master = cluster.master_of(key_slot(partition.encode()))
        masters.add(master.port)
        with master.client() as client:
            expected = 2 * sum(partition_number(name, COUNT) == number for name in NAMES)
            assert client.xlen(f"{{{partition}}}:wal") == expected
    assert len(masters) == 3
    with cluster.master_of(key_slot(namespace.encode())).client() as client:
        assert client.get(partitions_key(namespace)) == b"16"


def test_a_client_of_the_callers_own_records_to_all_partitions(cluster: Cluster, namespace: str) -> None:
    with (
        RedisCluster("localhost", cluster.masters[0].port) as client,
        Producer(client, namespace, partitions=COUNT) as producer,
    ):
        for name in NAMES:
            producer.cleanup_executed(name, "r", "delete", True)
        found = [client.xlen(f"{{{partition_of(namespace, number)}}}:wal") for number in range(COUNT)]
    assert sum(found) == len(NAMES)


def test_leftovers_of_all_partitions_are_delivered_to_their_nodes(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    url = cluster.masters[0].url
    wrong = url.replace("redis://", "redis://nobody:wrong@")
    dead = Producer(wrong, namespace, partitions=COUNT, spool=tmp_path, timeout=0.2)
    for name in NAMES:
        dead.cleanup_executed(name, "r", "delete", True)
    dead.close(0)
    with Producer(url, namespace, partitions=COUNT, spool=tmp_path) as producer:
        assert producer.flush(60)
    with RedisCluster("localhost", cluster.masters[0].port) as client:
        found = [client.xlen(f"{{{partition_of(namespace, number)}}}:wal") for number in range(COUNT)]
    assert found == [sum(partition_number(name, COUNT) == number for name in NAMES) for number in range(COUNT)]
