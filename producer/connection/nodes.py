"""The node of a namespace: connections that find it, in a cluster or a single server, before and after a failover.

    cluster://[user:password@]host[:6379],host[:6379][/0][?ssl=true&…]

names several nodes of a cluster; `redis://` and `rediss://` name a server, or any node. The options are redis-py's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

import redis
from redis.crc import key_slot
from redis.exceptions import (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    MovedError,
    RedisError,
    ResponseError,
)

from producer.connection.url import WrongPart, address_of, check_address

SCHEME = "cluster://"
DEFAULT_PORT = 6379

Address = tuple[str, int]
Command = tuple[str, ...]
_HELLO: Command = ("HELLO",)
_SLOTS: Command = ("CLUSTER", "SLOTS")

_URL = re.compile(rf"{SCHEME}(?:([^/?#]*)@)?([^/?#@]+)(/0?)?(?:\?([^#]*))?")
"""Account, hosts, database, and options."""
_TLS = re.compile(r"(?:^|&)ssl=(\w+)")

OUT_OF_TOUCH = ClusterDownError, BusyLoadingError
"""Replies of a node that may not know what the others do: it is cut off from them, or was started just now. They may
have elected another master."""


class SlotMoved(redis.ConnectionError):
    """The key has moved to another node of the cluster, or is about to; a connection that is made anew finds it."""


class Nodes:
    """The nodes that were named or found, that of `namespace` first as far as is known.

    `named`: those of a `cluster://` URL. `is_cluster`: whether they are a cluster; None before a node was asked. All
    connections of a client share this, also those by which a spool delivers what was left for other namespaces:
    MOVED, which is about a command that was sent, counts for more than what a node tells of `namespace`.
    """

    def __init__(self, namespace: str, first: Address, named: Iterable[Address] = ()) -> None:
        self.named = tuple(named)
        self._slot: int = key_slot(namespace.encode())  # what stands in the braces of its keys
        self._moved_to: Address | None = None
        self._known = [*dict.fromkeys((first, *self.named))]
        self._failed: set[Address] = set()  # and have not been reached since, nor named by MOVED
        self.is_cluster: bool | None = None

    @property
    def first(self) -> Address:
        """The node to try next."""
        return self._known[0]

    @property
    def count(self) -> int:
        """How many nodes are known."""
        return len(self._known)

    def failed(self, node: Address, error: RedisError, *, last: bool) -> bool:
        """Take note that `node` cannot be reached: it is tried again after all others. Whether to raise `error` now:
        the try was the `last`, no other node is known, or another try would not help the caller."""
        self.doubt(node)
        # After a time-out so much time has gone that the caller has to say what is next.
        return last or self.first == node or isinstance(error, redis.TimeoutError | AuthenticationError)

    def doubt(self, node: Address) -> None:
        """Take note that `node` is of no use now: all others are tried before it."""
        if node == self._moved_to:
            self._moved_to = None
        self._failed.add(node)
        self._known = [*(other for other in self._known if other != node), node]

    def redirected(self, error: AskError, asked: Address) -> SlotMoved:
        """Take note of the node that the node `asked` has named, if the slot is there for good; what to raise."""
        if not isinstance(error, MovedError):
            return SlotMoved("the log is being moved to another node")
        self._moved_to = _address(error.host, error.port, asked)
        self._failed.discard(self._moved_to)
        self._put_first(self._moved_to)
        return SlotMoved("the log has moved to another node")

    def questions(self) -> Iterator[Command]:
        """What to ask a node to which a connection was made; each has to be `answered` or `refused`."""
        if self.is_cluster is None:
            yield _HELLO
        if self.is_cluster:
            yield _SLOTS

    def answered(self, question: Command, answer: Any, asked: Address) -> None:
        """Take what the node `asked` has told."""
        self._failed.discard(asked)
        if question == _HELLO:
            pairs = answer.items() if isinstance(answer, dict) else zip(answer[::2], answer[1::2], strict=False)
            self.is_cluster = (b"mode", b"cluster") in pairs
        else:
            self._learn(answer, asked)

    def refused(self, question: Command) -> None:
        """Take note that this account may not ask, or a proxy does not know: a cluster's MOVED tells, too."""
        if question == _HELLO:
            self.is_cluster = False

    def _learn(self, slots: Any, asked: Address) -> None:
        known, home = dict.fromkeys(self._known), None
        for first, last, *nodes in slots:
            addresses = [_address(host, port, asked) for host, port, *_ in nodes]
            known |= dict.fromkeys(addresses)
            if first <= self._slot <= last:
                home = addresses[0]
        self._known = [*known]
        if home is not None and asked != self._moved_to and home not in self._failed:
            self._put_first(home)

    def _put_first(self, node: Address) -> None:
        self._known = [node, *(other for other in self._known if other != node)]


_Connection: Any = object  # the other base of each subclass, which redis-py gives no types


class _Finding(_Connection):  # type: ignore[misc]
    """A connection to the node that has the namespace, whichever node was named."""

    def __init__(self, *, nodes: Nodes, **options: Any) -> None:
        self._nodes = nodes
        super().__init__(**options)

    def connect(self) -> None:
        if self.is_connected:
            return
        nodes = self._nodes
        for tries in count(1):
            last = tries > nodes.count  # behind all that are known by now: once where the one before has sent us
            self.host, self.port = here = nodes.first
            try:
                super().connect()
                if self._is_home(here) or last:
                    super().connect()  # again: redis-py has closed it if the server wants a password first
                    return
                self.disconnect()
            except (redis.ConnectionError, redis.TimeoutError) as error:
                if nodes.failed(here, error, last=last):
                    raise

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().read_response(*arguments, **options)
        except (AskError, *OUT_OF_TOUCH) as error:
            self.heed(error)
            raise

    def heed(self, error: RedisError) -> None:
        """If a reply says that the key is, or may be, at another node: end, and raise an error. The next connection
        goes where the reply says, or to a node that may know better."""
        if isinstance(error, AskError):
            self.disconnect()
            raise self._nodes.redirected(error, (self.host, self.port)) from error
        if isinstance(error, OUT_OF_TOUCH):
            self._nodes.doubt((self.host, self.port))
            self.disconnect()
            raise error

    def _is_home(self, here: Address) -> bool:
        """Whether this node has the namespace, as far as it knows."""
        for command in self._nodes.questions():
            self.send_command(*command, check_health=False)
            try:
                self._nodes.answered(command, self.read_response(), here)
            except (ResponseError, AuthenticationError):
                self._nodes.refused(command)
        return self._nodes.first == here


class NodeConnection(_Finding, redis.Connection):
    """By plain TCP."""


class NodeSSLConnection(_Finding, redis.SSLConnection):
    """By TLS."""


def cluster_url(url: str) -> tuple[str, list[Address]]:
    """(the URL of the first node as redis-py takes it, all nodes) for a `cluster://` URL; raises WrongPart."""
    parts = _URL.fullmatch(url)
    if parts is None:
        raise WrongPart("hosts", f"{SCHEME}host:6379,host:6379 (a cluster has the database 0 alone)")
    account, hosts, _, query = parts.groups(default="")
    named = [(host, port or DEFAULT_PORT) for host, port in map(check_address, hosts.split(","))]
    tls = _TLS.search(query)
    scheme = "rediss" if tls and tls[1].lower() in ("true", "yes", "1") else "redis"
    options = _TLS.sub("", query).lstrip("&")
    place = address_of(*named[0])
    return f"{scheme}://{account}{'@' if account else ''}{place}/0{'?' if options else ''}{options}", named


def find_nodes(pool: redis.ConnectionPool, namespace: str, named: Iterable[Address] = ()) -> None:
    """Have the connections of `pool` find the node of `namespace` by themselves; `pool` has made none yet."""
    options = pool.connection_kwargs
    first = options.get("host") or "localhost", int(options.get("port") or DEFAULT_PORT)
    kinds = {redis.Connection: NodeConnection, redis.SSLConnection: NodeSSLConnection}
    kind = kinds.get(pool.connection_class)
    if kind is not None:  # else the path of a socket, or Sentinel
        pool.connection_class = kind
        options["nodes"] = Nodes(namespace, first, named)


def _address(host: Any, port: Any, asked: Address) -> Address:
    """A node as another tells of it, which may not know its own name."""
    text = host.decode() if isinstance(host, bytes) else host
    return text if text and text != "?" else asked[0], int(port)
