"""Clients of Redis, made and judged, and redis-py's errors in words.

redis-py retries a command whose reply was lost, so that an XADD would land twice: a client made here does not, and
`producer.connection.wire` sends nothing again, whatever a client was configured to do.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeGuard
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.retry import Retry
from redis.sentinel import SentinelConnectionPool

from producer.connection.location import URL_VARIABLE
from producer.connection.sentinel import SCHEME, sentinel_client
from producer.errors import UnusableServer

Client = redis.Redis | RedisCluster


DEFAULT_SECONDS = 5.0
"""How long a client made here waits for a reply."""


def client_of(target: str | Client | None, *, timeout: float = DEFAULT_SECONDS) -> tuple[Client, bool]:
    """(client, whether the caller closes it) for a URL or a redis-py client; None means `WAL_URL`.

    Sends nothing. A client made here never repeats a command, and waits `timeout` seconds for a reply. Raises
    UnusableServer, whose text says how to repair that, for a URL or an object that cannot be used.
    """
    if target is None:
        target = os.environ.get(URL_VARIABLE)
        if not target:
            raise UnusableServer(f"no server was named: pass a URL or a redis-py client, or set {URL_VARIABLE}")
    if isinstance(target, str):
        client = _client_of_url(target, timeout)
        _judge(client)
        return client, True
    _judge(target)
    return target, False


@contextmanager
def using_client(target: str | Client | None, *, timeout: float = DEFAULT_SECONDS) -> Iterator[Client]:
    """The client of `client_of` for the block; a client that was made here is closed at its end."""
    client, owned = client_of(target, timeout=timeout)
    try:
        yield client
    finally:
        if owned:
            client.close()


def _client_of_url(url: str, timeout: float) -> redis.Redis:
    try:
        client = sentinel_client(url, timeout=timeout) if url.startswith(SCHEME) else _direct_client(url, timeout)
        # The options in a URL are judged when a connection is made: make one, which does not connect.
        client.connection_pool.connection_class(**client.connection_pool.connection_kwargs)
    except (ValueError, TypeError, RedisError):
        # Without the cause: its text may quote a part of the URL that was meant as password.
        raise UnusableServer(
            f"expected redis://host:port/db, rediss://…, unix:///path or {SCHEME}host:port,host:port/master-name, "
            f"found {safe_url(url)!r}"
        ) from None
    return client


def _direct_client(url: str, timeout: float) -> redis.Redis:
    if not _DATABASE.fullmatch(urlsplit(url).path) and not url.startswith("unix:"):
        raise ValueError("redis-py would take database 0 for what is no number")
    return redis.Redis.from_url(
        url,
        protocol=2,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
    )


_DATABASE = re.compile(r"/?|/[0-9]+/?")


def _judge(client: object) -> None:
    if any(base.__module__.startswith("redis.asyncio") for base in type(client).__mro__):
        raise UnusableServer(
            "found an asyncio client: pass a redis.Redis, or its URL; `async with producer.execution(…)` "
            "keeps the event loop free by itself"
        )
    if not (isinstance(client, redis.Redis) or is_cluster(client)):
        raise UnusableServer(f"expected a URL or a redis-py client, found {type(client).__name__}")
    if client.get_encoder().decode_responses:
        raise UnusableServer(
            "found a client with decode_responses=True, which cannot carry binary payloads: "
            "make one without it, or pass the URL"
        )


def is_cluster(client: object) -> TypeGuard[RedisCluster]:
    """Whether each key has a node of its own; the only place that asks."""
    return isinstance(client, RedisCluster)


def pool_of(client: Client, key: bytes) -> Any:
    """The pool of connections to the node that has `key`; raises redis-py's errors if no node is known."""
    if is_cluster(client):
        return client.get_redis_connection(client.get_node_from_key(key)).connection_pool
    return client.connection_pool  # type: ignore[union-attr]  # no cluster


def renew_locks(client: Client) -> None:
    """In a forked child: give the client's pool locks that no thread holds.

    A lock that another thread of the parent held at the fork stays locked for ever, and redis-py's pool waits for it
    as soon as the pool notices the fork.
    """
    if not is_cluster(client):
        pool = pool_of(client, b"")
        pool._lock = pool._fork_lock = threading.RLock()


def is_answer(error: RedisError) -> bool:
    """Whether the server itself refused, so that the command took no effect this time."""
    return isinstance(error, ResponseError | AuthenticationError | BusyLoadingError)


def is_refusal(error: RedisError) -> bool:
    """Whether the server refused, and waiting does not change that."""
    if isinstance(error, AuthenticationError | NoPermissionError):
        return True
    if isinstance(error, ReadOnlyError | OutOfMemoryError | ClusterDownError | TryAgainError | BusyLoadingError):
        return False
    return isinstance(error, ResponseError) and not str(error).startswith(_PASSING)


_PASSING = ("BUSY ", "MISCONF ", "MASTERDOWN ", "NOREPLICAS ", "CLUSTERDOWN ", "LOADING ", "OOM ", "READONLY ")
"""Refusals that pass: a script is running, the disk is full, a failover is under way, memory is full."""


def reason_of(error: BaseException, client: Client) -> str:
    """Where and what went wrong, for a person; never with a password."""
    text = str(error).strip()
    if isinstance(error, AskError):  # its text is a slot's number and an address
        text = "found a node of a cluster, whose data is elsewhere: pass a redis.cluster.RedisCluster client"
    elif "unauthenticated multibulk" in text:  # Redis 7.0 does not even read a long command of a stranger
        text = "authentication required"
    text = _ADDRESSED.sub("", text)
    if text[1:2].islower():  # not WRONGTYPE
        text = text[0].lower() + text[1:]
    return f"{where(client)}: {text or type(error).__name__}"


_ADDRESSED = re.compile(r"^Error (?:-?\d+ )?(?:while )?connecting to (?:unix socket: )?\S+\. (?=\S)")
"""How redis-py begins a text: with the place, which `reason_of` names anyway."""


def where(client: Client) -> str:
    """`host:port`, the socket's path, or the master's name."""
    if is_cluster(client):
        node = client.get_default_node()
        return f"{node.host}:{node.port}" if node else "the cluster"
    pool = pool_of(client, b"")
    if isinstance(pool, SentinelConnectionPool):
        return f"Sentinel's master {pool.service_name}"
    options = pool.connection_kwargs
    if path := options.get("path"):
        return str(path)
    return f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"


def safe_url(url: str) -> str:
    """`url` without its password, however badly it is written."""
    hidden = _PASSWORD_OPTION.sub(r"\1***", url)
    scheme, account, rest = _ACCOUNT.fullmatch(hidden).groups()  # type: ignore[union-attr]  # fits any text
    if account is None or _USER.fullmatch(account):
        return hidden
    user = account.partition(":")[0]
    return f"{scheme}{user if _USER.fullmatch(user) else ''}:***@{rest}"


_PASSWORD_OPTION = re.compile(r"([?&][^=&]*password=)[^&]*", re.IGNORECASE)
_ACCOUNT = re.compile(r"([a-z]+:/+|)(?:(.*)@)?(.*)", re.IGNORECASE | re.DOTALL)
_USER = re.compile(r"[\w.-]*")
