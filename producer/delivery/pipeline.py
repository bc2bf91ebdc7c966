"""One connection on which many commands go out together, their replies read in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import hiredis
import redis
from redis.cluster import RedisCluster
from redis.exceptions import AskError, ChildDeadlockedError, MovedError, RedisClusterException

from producer.connection.client import Client

__all__ = ["Pipeline"]

_PIECE = 100
"""Commands that are packed in one go: after each piece the socket is written to, and other threads get their turn."""


class Pipeline:
    """A connection out of `client`'s pool, to the node that has `key`, made when it is first needed. For one thread.

    All that goes wrong is a RedisError, and closes the connection: a reply that comes later must not answer the next
    command. As a context, it gives the connection back at the end.
    """

    def __init__(self, client: Client, key: bytes) -> None:
        self._client = client
        self._key = key
        self._pool: Any = None
        self._connection: Any = None

    @property
    def is_open(self) -> bool:
        """Whether there is a connection: nothing that was sent on it has failed."""
        return self._connection is not None

    def open(self) -> None:
        """Connect, if there is no connection."""
        if self._connection is None:
            with self._closing_on_failure():
                self._pool = self._find_pool()
                self._connection = self._pool.get_connection()

    def send(self, commands: Iterable[tuple[Any, ...]]) -> None:
        """Write `commands`; each has a reply that has to be read."""
        self.open()
        pack = hiredis.pack_command
        packed: list[bytes] = []
        with self._closing_on_failure():
            for command in commands:
                packed.append(pack(command))
                if len(packed) == _PIECE:
                    self._connection.send_packed_command([b"".join(packed)])
                    packed.clear()
            if packed:
                self._connection.send_packed_command([b"".join(packed)])

    def replies(self, count: int, *, seconds: float) -> Iterator[Any]:
        """The next `count` replies, each waited for that long; one that is an error is raised. Read them all."""
        with self._closing_on_failure():
            read = self._connection.read_response
            for _ in range(count):
                yield read(timeout=seconds)

    def close(self) -> None:
        """Close the connection; what was not read of it is lost."""
        if self._connection is not None:
            self._connection.disconnect()
            self._give_back()

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if error is not None:
            self.close()
        elif self._connection is not None:
            self._give_back()

    def _give_back(self) -> None:
        connection, self._connection = self._connection, None
        self._pool.release(connection)

    def _find_pool(self) -> Any:
        if not isinstance(self._client, RedisCluster):
            return self._client.connection_pool
        node = self._client.get_node_from_key(self._key.decode())
        return self._client.get_redis_connection(node).connection_pool

    @contextmanager
    def _closing_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self.close()
            if isinstance(self._client, RedisCluster):
                self._find_nodes()
                if isinstance(error, MovedError | AskError):
                    raise redis.ConnectionError("the log has moved to another node") from error
            if isinstance(error, RedisClusterException | ChildDeadlockedError | OSError | UnicodeError):
                raise redis.ConnectionError(str(error)) from error
            raise

    def _find_nodes(self) -> None:
        """redis-py does so too for the commands that it sends itself: the slot may have moved, its node be gone."""
        with suppress(redis.RedisError, RedisClusterException, OSError):
            self._client.nodes_manager.initialize()  # type: ignore[union-attr]
