"""Redis as the two sides of the log need it: clients made and judged, and redis-py's errors turned into words.

This is the one place that knows redis-py's habits: it retries a command whose reply was lost (an XADD would land
twice), its replies have three shapes, and its exceptions are of many classes.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import (
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

from producer.errors import UnusableServer

__all__ = ["Client", "RedisError", "client_of", "is_refusal", "reason_of", "safe_url", "send_once"]

Client = redis.Redis | RedisCluster

URL_VARIABLE = "WAL_URL"


def client_of(target: str | Client | None, *, timeout: float = 5.0) -> tuple[Client, bool]:
    """(client, whether it is ours to close) for a URL or a redis-py client; None means `WAL_URL`.

    Sends nothing. A client made here never repeats a command on its own and waits `timeout` seconds for a reply.
    Raises UnusableServer, with the cure, for what cannot be used.
    """
    if target is None:
        target = os.environ.get(URL_VARIABLE)
        if not target:
            raise UnusableServer(f"no server was named: pass a URL or a redis-py client, or set {URL_VARIABLE}")
    if isinstance(target, str):
        return _client_of_url(target, timeout), True
    _judge(target)
    return target, False


def _client_of_url(url: str, timeout: float) -> Client:
    try:
        return redis.Redis.from_url(
            url,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
        )
    except (ValueError, TypeError) as error:
        raise UnusableServer(
            f"expected redis://host:port/db, rediss://… or unix:///path, found {safe_url(url)!r}"
        ) from error


def _judge(client: object) -> None:
    if type(client).__module__.startswith("redis.asyncio"):
        raise UnusableServer(
            "found an asyncio client: pass a redis.Redis, or its URL; `async with producer.execution(…)` "
            "keeps the event loop free by itself"
        )
    if not isinstance(client, redis.Redis | RedisCluster):
        raise UnusableServer(f"expected a URL or a redis-py client, found {type(client).__name__}")
    if client.get_encoder().decode_responses:
        raise UnusableServer(
            "found a client with decode_responses=True, which cannot carry binary payloads: "
            "make one without it, or pass the URL"
        )


def send_once(client: Client, *command: Any) -> Any:
    """One command, sent once: no retry behind our back, whatever the client was configured to do."""
    if isinstance(client, RedisCluster):
        return client.execute_command(*command)
    pool = client.connection_pool
    connection = pool.get_connection()
    try:
        connection.send_command(*command)
        return connection.read_response()
    except RedisError:
        raise  # read_response has closed the connection where its state is unknown
    except BaseException:
        connection.disconnect()  # interrupted between request and reply: the reply must not answer the next command
        raise
    finally:
        pool.release(connection)


def is_refusal(error: RedisError) -> bool:
    """Whether the server has answered with a no that waiting does not change; the command took no effect."""
    if isinstance(error, AuthenticationError | NoPermissionError):
        return True
    if isinstance(error, ReadOnlyError | OutOfMemoryError | ClusterDownError | TryAgainError | BusyLoadingError):
        return False
    return isinstance(error, ResponseError) and not str(error).startswith(_PASSING)


_PASSING = ("BUSY ", "MISCONF ", "MASTERDOWN ", "NOREPLICAS ", "CLUSTERDOWN ", "LOADING ", "OOM ", "READONLY ")
"""Refusals that pass: a script runs, the disk is full, a failover is under way, memory is full."""


def reason_of(error: BaseException, client: Client) -> str:
    """What went wrong, for a person, with where; never with a password."""
    text = str(error).strip() or type(error).__name__
    return f"{where(client)}: {text[:1].lower() + text[1:]}"


def where(client: Client) -> str:
    """`host:port` or the socket's path."""
    if isinstance(client, RedisCluster):
        node = client.get_default_node()
        return f"{node.host}:{node.port}" if node else "the cluster"
    options = client.connection_pool.connection_kwargs
    if path := options.get("path"):
        return str(path)
    return f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"


def safe_url(url: str) -> str:
    """The URL without its password."""
    try:
        parts = urlsplit(url)
        if parts.password is None and "password=" not in parts.query:
            return url
        user, at, host = parts.netloc.rpartition("@")
        netloc = f"{user.partition(':')[0]}:***{at}{host}" if at else parts.netloc
        query = "&".join(
            "password=***" if item.startswith("password=") else item for item in parts.query.split("&") if item
        )
        return urlunsplit(parts._replace(netloc=netloc, query=query))
    except ValueError:
        return "a URL that cannot be parsed"
