"""A projector on a cluster whose master of the namespace dies, or whose slot moves to another master."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from redis.cluster import ClusterNode, RedisCluster
from redis.crc import key_slot

from producer import Producer, WalUnavailable
from producer.connection.client import Client
from projector import Projector, Query
from projector.errors import ServerUnavailable
from projector.keys import Keys
from projector.verification import verify
from tests.support.cluster import NAMESPACE, Cluster, SlotMove, running_cluster
from tests.support.projecting import running
from tests.support.projection import completed, started
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


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One whose nodes stay: a slot moves from wherever it is."""
    yield from running_cluster(tmp_path_factory.mktemp("cluster"))


@pytest.mark.parametrize("first", ["wal", "checkpoint"])
def test_while_the_slot_moves_key_by_key_no_commit_is_written_by_half_and_afterwards_all_is_projected(
    living: Cluster, namespace: str, first: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The commit deletes the only row of `in_flight`, and writes another. In between the key is gone, and a node that
    moves a slot takes a key that is gone for one that has moved. All other keys of the commit are there already."""
    url, slot, keys = living.masters[0].url, key_slot(namespace.encode()), Keys(namespace)
    source = living.master_of(slot)
    target = next(master for master in living.masters if master is not source)
    with (
        source.client() as client,
        Query(url, namespace) as query,
        running(Projector(url, namespace, lease_ttl=1.0)),
    ):

        def append(*operations: str) -> None:
            with client.pipeline(transaction=True) as pipeline:  # so that they come in one batch
                for operation in operations:
                    pipeline.xadd(keys.wal, {"op": operation})
                pipeline.execute()

        append(started("a", "1"))
        eventually(lambda: query.status().entries == 1, what="the first run projected")
        append(completed("a", execution_id="1"), started("a", "2"))
        eventually(lambda: query.status().entries == 3, what="its end projected")
        with SlotMove(slot, source, target) as move:
            append(completed("a", execution_id="2"), started("a", "3"))
            eventually(lambda: "Redis is away" in caplog.text, what="a projector that waits")
            assert client.hmget(keys.checkpoint, "entries", "torn") == [b"3", None]
            move.move(getattr(keys, first))
            with pytest.raises(ServerUnavailable):
                query.status()
            move.finish()
        eventually(lambda: query.status().entries == 5, what="the rest projected")
        assert [run.execution_id for run in query.running()] == ["3"]
    assert verify(url, namespace).differences == ()


def test_a_producer_waits_for_a_log_that_is_on_its_way_to_another_node(living: Cluster, namespace: str) -> None:
    url, slot = living.masters[0].url, key_slot(namespace.encode())
    source = living.master_of(slot)
    target = next(master for master in living.masters if master is not source)
    with (
        Producer(url, namespace, timeout=30.0) as patient,
        Producer(url, namespace, timeout=0.2) as hasty,
        SlotMove(slot, source, target) as move,
        ThreadPoolExecutor() as threads,
    ):
        with pytest.raises(WalUnavailable, match="is being moved to another node") as refused:  # there is no log yet
            hasty.cleanup_executed("stale-locks", "lock:1", "release", True)
        called = threads.submit(patient.cleanup_executed, "stale-locks", "lock:2", "release", True)
        move.finish()
        assert called.result().entry_id is not None
        hasty.resend(refused.value)
    assert Projector(url, namespace).drain() == 2
