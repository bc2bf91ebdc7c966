"""Which server an operation is meant for, as text that a spool can keep: the address, and no password.

    redis://host:6379/0   rediss://host:6379/0   unix:///path?db=0
    sentinel://host:26379,host:26379/master?db=0
    cluster://host:6379,host:6379/
    unnamed     nobody named a server, and none was found: the operation is for the first that is found
    unknown     nothing was noted

Addresses are compared as they were given, because nobody can tell whether `db1` and `10.0.0.5` will be one server
when an operation is delivered. Only the names of this machine itself are equal. Two Sentinel or cluster addresses are
equal if they share one host, because a sentinel knows one master by a name, and a node belongs to one cluster.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from redis.connection import SSLConnection
from redis.sentinel import SentinelConnectionPool

from producer.connection.client import Client, client_of, is_cluster, pool_of
from producer.connection.url import address_of


@dataclass(frozen=True, slots=True)
class Server:
    """A server by its `url`, in one of the forms above."""

    url: str

    @classmethod
    def of(cls, client: Client) -> Server:
        """The server that `client` reaches. Sends nothing."""
        if is_cluster(client):
            nodes = {*client.get_nodes(), *client.nodes_manager.startup_nodes.values()}
            return cls(f"cluster://{_joined((node.host, node.port) for node in nodes)}/")
        pool = pool_of(client, b"")
        options = pool.connection_kwargs
        database = options.get("db") or 0
        if isinstance(pool, SentinelConnectionPool):
            each = (sentinel.connection_pool.connection_kwargs for sentinel in pool.sentinel_manager.sentinels)
            hosts = _joined((sentinel["host"], sentinel["port"]) for sentinel in each)
            return cls(f"sentinel://{hosts}/{quote(pool.service_name, safe='')}?db={database}")
        if path := options.get("path"):
            return cls(f"unix://{quote(os.path.realpath(path))}?db={database}")
        nodes = options.get("nodes")
        if nodes and nodes.named:
            return cls(f"cluster://{_joined(nodes.named)}/")
        scheme = "rediss" if issubclass(pool.connection_class, SSLConnection) else "redis"
        host, port = options.get("host") or "localhost", options.get("port") or 6379
        return cls(f"{scheme}://{_joined([(host, port)])}/{database}")

    @classmethod
    def named(cls, text: str) -> Server:
        """The server that a person names, by a URL or as a command showed it. Raises UnusableServer."""
        if text == UNNAMED.url:
            return UNNAMED
        client, _ = client_of(text)
        return cls.of(client)

    def is_same(self, other: Server) -> bool:
        """Whether both are the same server, as far as can be told."""
        if _LOOPBACK.sub("localhost", self.url) == _LOOPBACK.sub("localhost", other.url):
            return True
        ours, theirs = _MANY.fullmatch(self.url), _MANY.fullmatch(other.url)
        if ours is None or theirs is None or (ours[1], ours[3]) != (theirs[1], theirs[3]):
            return False
        return not set(ours[2].split(",")).isdisjoint(theirs[2].split(","))

    def __str__(self) -> str:
        """For a person."""
        if self == UNNAMED:
            return "the server that is used when none is named"
        return self.url


UNNAMED = Server("unnamed")

_LOOPBACK = re.compile(r"(?<=^redis://)(?:127\.0\.0\.1|\[::1\])(?=:)")
_MANY = re.compile(r"(sentinel|cluster)://([^/]*)(/.*)")


def _joined(addresses: Any) -> str:
    """`host:port,…`, sorted, because a client moves the host that answered last to the front."""
    pairs = ((quote(str(host).lower(), safe=":"), int(port)) for host, port in addresses)
    return ",".join(sorted({address_of(host, port) for host, port in pairs}))
