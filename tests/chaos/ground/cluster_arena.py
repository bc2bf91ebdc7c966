"""The arena whose server is a cluster: writers and projectors find the node of the namespace by themselves."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import redis
from redis.backoff import ConstantBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.retry import Retry

from tests.chaos.ground.arena import Arena
from tests.chaos.ground.cluster_nodes import ClusterNodes
from tests.support.servers import Server

__all__ = ["ClusterArena"]


class ClusterArena(Arena):
    """`server` is the namespace's master as it is now; there is no wire in between."""

    def begin(self) -> str:
        self.nodes = ClusterNodes(self.directory / "cluster", self.namespace)
        given = [ClusterNode("127.0.0.1", server.port) for server in self.nodes.servers]
        # By redis-py's own client of clusters, which shares nothing with the way of the product.
        self._cluster: Any = RedisCluster(startup_nodes=given, protocol=2, retry=Retry(ConstantBackoff(0.05), 60))
        return self.url

    def end(self) -> None:
        self._cluster.close()
        self.nodes.close()

    @property
    def server(self) -> Server:
        return self.nodes.home()

    @property
    def client(self) -> redis.Redis:
        client: redis.Redis = self._cluster  # it has the same commands
        return client

    @property
    def url(self) -> str:
        return "cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in self.nodes.servers)

    def has_waitaof(self) -> bool:
        return self.nodes.servers[0].has_waitaof()

    def calm(self) -> None:
        self.nodes.wait_until_calm()

    def count_commits(self) -> None:
        for server in self.nodes.running:
            self.count_commits_of(server)

    def count_commits_of(self, server: Server) -> None:
        with closing(server.client()) as client:
            self._count_commits(client)
