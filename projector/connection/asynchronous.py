"""Clients of redis.asyncio, made and judged as those of redis-py are, and the reader that uses them."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import hiredis
import redis
import redis.asyncio
from redis.asyncio import sentinel
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AskError, RedisClusterException, RedisError, ResponseError
from redis.exceptions import ConnectionError as Disconnected

from producer.connection.client import AsyncClient, client_of, is_refusal
from producer.connection.nodes import NodeConnection, NodeSSLConnection, SlotMoved
from producer.errors import UnusableServer
from projector.connection.async_nodes import AsyncNodeConnection, AsyncNodeSSLConnection
from projector.connection.exchange import Command, Exchange, drive_async, in_multi, meaning_of, one_by_one
from projector.connection.translation import translation_of

_KINDS: dict[type, Any] = {
    NodeConnection: AsyncNodeConnection,
    NodeSSLConnection: AsyncNodeSSLConnection,
    redis.UnixDomainSocketConnection: redis.asyncio.UnixDomainSocketConnection,
    redis.sentinel.SentinelManagedConnection: sentinel.SentinelManagedConnection,
    redis.sentinel.SentinelManagedSSLConnection: sentinel.SentinelManagedSSLConnection,
}
_CALL_FAILED = re.compile(r"\[Errno (\d+)\] Connect call failed")
"""How asyncio tells why it found no connection, where a socket tells it in words."""
_OF_THE_POOL = ("retry", "himport_registry", "connection_pool")
"""What redis-py's pool puts among the options of its connections, each for itself."""


def async_client_of(
    target: str | AsyncClient | None,
    namespace: str,
    *,
    timeout: float,
    password_file: str | os.PathLike[str] | None = None,
) -> tuple[AsyncClient, bool]:
    """(client, whether the caller closes it) for a URL or a client of redis.asyncio; None means `WAL_URL`.

    Sends nothing. A URL is judged as `client_of` does it, with the same errors.
    """
    if isinstance(target, AsyncClient):
        if target.get_encoder().decode_responses:
            raise UnusableServer(
                "found a client with decode_responses=True, which cannot carry binary payloads: "
                "make one without it, or pass the URL"
            )
        return target, False
    if target is not None and not isinstance(target, str):
        raise UnusableServer(f"expected a URL or a client of redis.asyncio, found {type(target).__name__}")
    client, _ = client_of(target, namespace, timeout=timeout, password_file=password_file)
    pool: Any = client.connection_pool  # type: ignore[union-attr]  # a URL names no cluster
    options = {name: value for name, value in pool.connection_kwargs.items() if name not in _OF_THE_POOL}
    options |= {"connection_class": _KINDS[pool.connection_class], "retry": Retry(NoBackoff(), 0)}
    if isinstance(pool, redis.sentinel.SentinelConnectionPool):
        made: Any = sentinel.SentinelConnectionPool(pool.service_name, _Asking(pool.sentinel_manager), **options)
    else:
        made = redis.asyncio.ConnectionPool(**options)
    return redis.asyncio.Redis.from_pool(made), True


class _Asking:
    """The sentinels, asked in a thread by the code that asks them for redis-py's client."""

    def __init__(self, sentinels: Any) -> None:
        self._sentinels = sentinels

    async def discover_master(self, name: str) -> tuple[str, int]:
        found: tuple[str, int] = await asyncio.to_thread(self._sentinels.discover_master, name)
        return found


class AsyncReader:
    """`Reader` for a client of redis.asyncio: the same replies and the same errors."""

    def __init__(self, client: AsyncClient, key: bytes) -> None:
        self._client = client
        self._key = key

    async def call(self, *command: Any) -> Any:
        (reply,) = await self.each(command)
        return reply

    async def each(self, *commands: Command) -> list[Any]:
        return await self._replies(one_by_one, commands) if commands else []

    async def at_one_instant(self, *commands: Command) -> list[Any]:
        return await self._replies(in_multi, commands)

    async def _replies(
        self, exchange: Callable[[Sequence[Command]], Exchange], commands: Sequence[Command]
    ) -> list[Any]:
        try:
            try:
                replies = await self._read(exchange(commands))
            except Disconnected as error:  # a pooled connection may have ended since it was used last
                if is_refusal(error):
                    raise
                replies = await self._read(exchange(commands))
            return [meaning_of(reply, command) for reply, command in zip(replies, commands, strict=True)]
        except RedisError as error:
            raise translation_of(error, self._client, self._key) from error

    async def _read(self, exchange: Exchange) -> list[Any]:
        try:
            async with self._connected() as connection:
                return await drive_async(exchange, partial(self._ask, connection))
        except Disconnected as error:
            if number := _CALL_FAILED.search(str(error.__context__)):
                raise redis.ConnectionError(os.strerror(int(number[1]))) from error
            raise
        except (RedisClusterException, OSError, UnicodeError) as error:
            raise redis.ConnectionError(str(error)) from error

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        """A connection to the node that has the key, for the block.

        It is closed if the block fails or is cancelled, because a late reply must not answer the next command.
        """
        home: Any
        if isinstance(self._client, redis.asyncio.RedisCluster):
            await self._client.initialize()
            home = self._client.get_node_from_key(self._key)  # type: ignore[arg-type]  # bytes do as well
            connection = home.acquire_connection()
        else:
            home = self._client.connection_pool
            connection = await home.get_connection()
        try:
            yield connection
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        finally:
            released = home.release(connection)
            if released is not None:
                await released

    async def _ask(self, connection: Any, commands: list[tuple[Any, ...]]) -> list[Any]:
        """The replies to `commands`; where the server refused a command, its error stands in the reply's place."""
        await connection.send_packed_command([hiredis.pack_command(command) for command in commands])
        found: list[Any] = []
        for _ in commands:
            try:
                found.append(await connection.read_response())
            except ResponseError as error:
                if isinstance(error, AskError) and isinstance(self._client, redis.asyncio.RedisCluster):
                    await self._client.nodes_manager.initialize()
                    raise SlotMoved("the log has moved to another node") from error
                found.append(error)
        return found
