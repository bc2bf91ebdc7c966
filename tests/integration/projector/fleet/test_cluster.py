"""A fleet on a cluster: namespaces are found on every master, shared out, and each survives its master's failover."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.support.cluster import NAMESPACE, Cluster, running_cluster
from tests.support.fleets import crew, held, wait_for_shares
from tests.support.projection import Log
from tests.support.servers import eventually

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    yield from running_cluster(tmp_path_factory.mktemp("cluster"))


def test_namespaces_of_all_masters_are_shared_out_and_survive_a_failover(cluster: Cluster, tmp_path: Path) -> None:
    url = f"cluster://127.0.0.1:{cluster.masters[0].port},127.0.0.1:{cluster.masters[2].port}"
    names = [NAMESPACE, *(f"n{number}" for number in range(2, 10))]
    with redis.RedisCluster("127.0.0.1", cluster.masters[1].port) as client, crew(url, tmp_path) as workers:
        logs = [Log(client, url, name) for name in names]
        for log in logs:
            client.xadd(log.key("wal"), {"op": "{}"})
        assert len({client.get_node_from_key(log.key("wal")).port for log in logs}) == 3
        first, second = (workers.start("--namespace", "n[0-9]") for _ in range(2))
        wait_for_shares(logs, 5, 4)
        for log in logs:
            log.wait_for_entries(1)
        cluster.wait_for_replica()
        cluster.masters[0].kill()
        ours = logs[0]

        def is_written() -> bool:
            try:
                client.xadd(ours.key("wal"), {"op": "{}"})
            except redis.RedisError:
                return False
            return True

        eventually(is_written, seconds=60, what="the failover")
        eventually(lambda: ours.entries() >= 2, seconds=60, what="the namespace's projection")
        second.end(signal.SIGKILL)
        eventually(lambda: set(held(logs)) == {first.pid}, seconds=60, what="all leases at the first worker")
        assert first.end() == 0
        assert "Traceback" not in first.said() + second.said()
