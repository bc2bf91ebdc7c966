"""Clients of Redis, made and judged, and redis-py's errors in words.

redis-py retries a command whose reply was lost, so that an XADD would land twice: a client made here does not, and
`producer.connection.wire` sends nothing again, whatever a client was configured to do.
"""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeGuard

import redis
import redis.asyncio
from redis.cluster import RedisCluster
from redis.credentials import CredentialProvider
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.sentinel import SentinelConnectionPool

from producer.connection import nodes, sentinel
from producer.connection.location import PASSWORD_FILE_VARIABLE, URL_VARIABLE
from producer.connection.url import WrongPart, check_url, safe_url
from producer.connection.words import words_of
from producer.errors import UnusableServer

Client = redis.Redis | RedisCluster
AsyncClient = redis.asyncio.Redis | redis.asyncio.RedisCluster


DEFAULT_SECONDS = 5.0
"""How long a client made here waits for a reply."""


def client_of(
    target: str | Client | None,
    namespace: str = "",
    *,
    timeout: float = DEFAULT_SECONDS,
    password_file: str | os.PathLike[str] | None = None,
) -> tuple[Client, bool]:
    """(client, whether the caller closes it) for a URL or a redis-py client; None means `WAL_URL`.

    Of a cluster, a client made here connects to the node that has `namespace`, whichever node the URL names. Sends
    nothing. The password may stand in a file, named here or by the URL (`?password_file=/path`). A client made here
    never repeats a command, and waits `timeout` seconds for a reply. Raises UnusableServer, whose text says how to
    repair that, for a URL or an object that cannot be used.
    """
    if target is None:
        target = os.environ.get(URL_VARIABLE)
        if not target:
            raise UnusableServer(f"no server was named: pass a URL or a redis-py client, or set {URL_VARIABLE}")
        password_file = password_file or os.environ.get(PASSWORD_FILE_VARIABLE)
    if password_file and not isinstance(target, str):
        raise UnusableServer("found a client and a password file: give the client a credential_provider of its own")
    client = _client_of_url(target, namespace, timeout, password_file) if isinstance(target, str) else target
    _judge(client)
    return client, client is not target


@contextmanager
def using_client(
    target: str | Client | None, namespace: str = "", *, timeout: float = DEFAULT_SECONDS
) -> Iterator[Client]:
    """The client of `client_of` for the block; a client that was made here is closed at its end."""
    client, owned = client_of(target, namespace, timeout=timeout)
    try:
        yield client
    finally:
        if owned:
            client.close()


def _client_of_url(
    url: str, namespace: str, timeout: float, password_file: str | os.PathLike[str] | None
) -> redis.Redis:
    try:
        check_url(url)
        if url.startswith(sentinel.SCHEME):
            client = sentinel.sentinel_client(url, timeout=timeout)
        else:
            of_redis, named = nodes.cluster_url(url) if url.startswith(nodes.SCHEME) else (url, [])
            client = redis.Redis.from_url(of_redis, **sentinel.connection_options(timeout))
            nodes.find_nodes(client.connection_pool, namespace, named)
        options = client.connection_pool.connection_kwargs
        if file := options.pop("password_file", None) or password_file:
            if options.pop("password", None) is not None:
                raise WrongPart("password", "none, because a password file is named, too")
            options["credential_provider"] = PasswordFile(file, options.pop("username", None))
        # The options in a URL are judged when a connection is made: make one, which does not connect.
        client.connection_pool.connection_class(**options)
    except (ValueError, TypeError, RedisError) as error:
        # Without the cause: its text may quote a part of the URL that was meant as password.
        if not isinstance(error, WrongPart):
            option = _OPTION.search(str(error))
            if option and "argument" in option[0]:
                error = WrongPart(f"unknown option{option[1]}", "an option that redis-py knows")
            else:
                error = WrongPart(f"option{option[1] if option else 's'}", "name=value, as redis-py takes it")
        raise UnusableServer(f"{error}, found {safe_url(url)!r}") from None
    return client


_OPTION = re.compile(r"(?:argument|value for)( '\w+')", re.IGNORECASE)


class PasswordFile(CredentialProvider):
    """The password of `user` (None: of the default user), in a file that each new connection reads anew."""

    def __init__(self, file: str | os.PathLike[str], user: str | None) -> None:
        self._file = Path(file)
        self._user = user

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """Raises AuthenticationError, which names the file, if there is no password in it."""
        try:
            password = self._file.read_text(encoding="utf-8").removesuffix("\n")
        except OSError as error:
            reason = error.strerror
        except UnicodeDecodeError:
            reason = "it is no text in UTF-8"
        else:
            if password:
                return (self._user, password) if self._user else (password,)
            reason = "it is empty"
        raise AuthenticationError(f"the password file {self._file} cannot be used: {reason}")


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
    if isinstance(error, AuthenticationError):
        return True
    if isinstance(error, ReadOnlyError | OutOfMemoryError | ClusterDownError | TryAgainError):
        return False
    return isinstance(error, ResponseError) and not str(error).startswith(_PASSING)


def is_locked_out(error: BaseException | None) -> bool:
    """Whether the server does not take the account's password, which may be about to be changed."""
    return isinstance(error, AuthenticationError) or "unauthenticated" in str(error)


_PASSING = ("BUSY ", "MISCONF ", "MASTERDOWN ", "NOREPLICAS ", "CLUSTERDOWN ", "LOADING ", "OOM ", "READONLY ")
"""Refusals that pass: a script is running, the disk is full, a failover is under way, memory is full."""


def reason_of(error: BaseException, client: Client | AsyncClient) -> str:
    """Where and what went wrong, for a person; never with a password."""
    return f"{where(client)}: {words_of(error)}"


def where(client: Client | AsyncClient) -> str:
    """`host:port`, the socket's path, the master's name, or the cluster, by one of its nodes."""
    if isinstance(client, RedisCluster | redis.asyncio.RedisCluster):
        node = client.get_default_node()
        return f"the cluster of {node.host}:{node.port}" if node else "the cluster"
    pool = client.connection_pool
    if isinstance(pool, SentinelConnectionPool | redis.asyncio.SentinelConnectionPool):
        return f"Sentinel's master {pool.service_name}"
    options = pool.connection_kwargs
    if path := options.get("path"):
        return str(path)
    return f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
