"""A projector on a cluster whose master of the namespace dies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis.cluster import ClusterNode, RedisCluster

from producer import Producer
from producer.connection.client import Client
from projector import Projector, Query
from tests.support.cluster import NAMESPACE, Cluster, running_cluster
from tests.support.projecting import running
from tests.support.servers import eventually

pytestmark = pytest.mark.server


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    yield from running_cluster(tmp_path)


def client_of_the_node(cluster: Cluster) -> RedisCluster:
    given = [ClusterNode("127.0.0.1", cluster.masters[0].port)]
    return RedisCluster(startup_nodes=given, dynamic_startup_nodes=False)


def url_of_the_node(cluster: Cluster) -> str:
    return cluster.masters[0].url


def url_of_another_node(cluster: Cluster) -> str:
    return cluster.masters[1].url


@pytest.mark.parametrize("target_of", [client_of_the_node, url_of_the_node, url_of_another_node])
def test_projector_producer_and_query_find_the_new_master_though_the_only_node_they_were_given_is_dead(
    cluster: Cluster, target_of: Callable[[Cluster], str | Client], caplog: pytest.LogCaptureFixture
) -> None:
    target = target_of(cluster)
    with Producer(target, NAMESPACE, timeout=30.0) as producer:
        query = Query(target, NAMESPACE)

        def record_and_wait(total: int) -> None:
            producer.cleanup_executed("stale-locks", f"lock:{total}", "release", True)
            eventually(lambda: query.totals().cleanups == total, what=f"{total} cleanups projected")

        with running(Projector(target, NAMESPACE, lease_ttl=1.0)):
            record_and_wait(1)
            cluster.wait_for_replica()
            cluster.masters[0].kill()
            record_and_wait(2)
        assert query.status().missing == 0
        assert "Redis is away, waiting for it: " in caplog.text
