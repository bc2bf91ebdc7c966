"""One raw connection to the node that has a key: commands sent together, replies read in order, nothing repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import hiredis
import redis
from redis.exceptions import (
    AskError,
    ChildDeadlockedError,
    ClusterDownError,
    RedisClusterException,
    RedisError,
    ResponseError,
)

from producer.connection.client import DEFAULT_SECONDS, Client, is_cluster, pool_of
from producer.connection.nodes import NodeConnection, NodeSSLConnection, SlotMoved

pack: Callable[[tuple[Any, ...]], bytes] = hiredis.pack_command  # its stub lets a command have two words

_PIECE = 100
"""Commands that are packed at once. After each piece the socket is written to, and other threads get their turn."""


class Wire:
    """A connection out of `client`'s pool, made when it is first needed. For one thread.

    Every failure is raised as a RedisError and closes the connection, because a late reply must not answer the next
    command. As a context, the wire gives the connection back to the pool at the end.
    """

    __slots__ = ("_client", "_connection", "_key", "_pool")

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
            try:
                self._pool = pool_of(self._client, self._key)
                self._connection = self._pool.get_connection()
            except BaseException as error:
                self._fail(error)
                raise

    def send(self, commands: Iterable[tuple[Any, ...]]) -> None:
        """Write `commands`; the reply to each has to be read."""
        self.open()
        write = self._connection.send_packed_command
        packed: list[bytes] = []
        try:
            for command in commands:
                packed.append(pack(command))  # redis-py's own packing looks at each argument in Python first
                if len(packed) == _PIECE:
                    write([b"".join(packed)])
                    packed.clear()
            if packed:
                write([b"".join(packed)])
        except BaseException as error:
            self._fail(error)
            raise

    def send_on(self, commands: list[bytes]) -> None:
        """The same for packed commands that mean something on this very connection, and must not go on a new one."""
        try:
            if not self._connection.is_connected:  # redis-py would connect
                raise redis.ConnectionError("the connection was closed by another thread")
            self._connection.send_packed_command([b"".join(commands)], check_health=False)  # so would its PING
        except BaseException as error:
            self._fail(error)
            raise

    def read(self, seconds: float | None = None) -> Any:
        """The next reply; raises the server's error if the reply is one.

        The wire waits for `seconds`, or if that is None for as long as the client was configured to.
        """
        try:
            return self._received(seconds)
        except BaseException as error:
            self._fail(error)
            raise

    def ask(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        """The replies to `commands`; where the server refused a command, its error stands in the reply's place."""
        self.send(commands)
        return self.answers(len(commands))

    def answers(self, count: int, seconds: float | None = None) -> list[Any]:
        """The next so many replies, the server's errors in place; waits for each as `read` does."""
        # redis-py takes 3.6 µs for each reply that it hands out, and its parser 0.1 for a reply that has arrived.
        reader = getattr(getattr(self._connection, "_parser", None), "_reader", None)
        arrived = getattr(reader, "gets", object)
        found: list[Any] = []
        try:
            while len(found) < count:
                reply = arrived()
                if reply.__class__ is object or isinstance(reply, hiredis.PushNotification):
                    reply = self._answer(seconds)  # nothing has arrived, or a message that is no reply
                elif isinstance(reply, RedisError):
                    self._look_again(reply)
                found.append(reply)
        except BaseException as error:
            self._fail(error)
            raise
        return found

    def executed(self, commands: int) -> Any:
        """The reply to EXEC, behind those to the `commands` between MULTI and EXEC.

        A list with the reply to each command, an error where it failed; None if a watched key was touched; an error
        if the server refused to queue a command, or to execute what it had queued.
        """
        *queued, executed = self.answers(commands + 1)
        return next((reply for reply in queued if isinstance(reply, ResponseError)), executed)

    def _received(self, seconds: float | None) -> Any:
        if seconds is None:
            return self._connection.read_response()
        return self._connection.read_response(timeout=seconds)

    def _answer(self, seconds: float | None) -> Any:
        try:
            return self._received(seconds)
        except ResponseError as error:
            self._look_again(error)
            return error

    def _look_again(self, error: RedisError) -> None:
        """Raise what ends the connection, if `error` says that the key is, or may be, at another node."""
        if isinstance(self._connection, NodeConnection | NodeSSLConnection):
            self._connection.heed(error)
        elif is_cluster(self._client) and isinstance(error, AskError | ClusterDownError):
            raise error
        if isinstance(error, redis.ConnectionError):
            raise error

    def exchange(self, command: tuple[Any, ...], seconds: float) -> Any:
        """The reply to `command`, within `seconds` or what the client was configured to wait, if that is shorter."""
        with self:
            self.send([command])
            own = self._connection.socket_timeout
            return self.read(None if own is not None and own <= seconds else seconds)

    def close(self) -> None:
        """Close the connection; replies that were not read are lost."""
        if self._connection is not None:
            self._connection.disconnect()
            self._give_back()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if error is not None:
            self.close()
        elif self._connection is not None:
            self._give_back()

    def _give_back(self) -> None:
        connection, self._connection = self._connection, None
        self._pool.release(connection)

    def _fail(self, error: BaseException) -> None:
        """Close, whatever `error` is; raise a RedisError in its place if redis-py has let another kind through."""
        connection = self._connection
        self.close()
        if is_cluster(self._client):
            # redis-py looks for the nodes anew after the commands that it sends itself; here nobody else does. Those
            # known so far can tell, too: with `dynamic_startup_nodes=False` redis-py would ask only the nodes that it
            # was given, which may be dead. The node that failed is asked last: it may be cut off from the others, and
            # take itself for the master still. An IndexError: a node that knows of no master, while it is set up.
            known = [(node.host, node.port) for node in self._client.get_nodes()]
            failed = None if connection is None else f"{connection.host}:{connection.port}"
            with suppress(RedisError, RedisClusterException, OSError, IndexError):
                self._client.nodes_manager.initialize(
                    additional_startup_nodes_info=known, last_failed_node_name=failed
                )
            if isinstance(error, AskError):
                raise SlotMoved("the log has moved to another node") from error
        if isinstance(error, RedisClusterException | ChildDeadlockedError | OSError | UnicodeError):
            raise redis.ConnectionError(str(error)) from error


def send_once(client: Client, *command: Any, seconds: float = DEFAULT_SECONDS) -> Any:
    """The reply to one command, sent once, however often the client was configured to retry.

    The second word of the command is its key. Waits for `seconds`, or for as long as the client was configured to, if
    that is shorter. Every failure is a RedisError.
    """
    wire = Wire(client, command[1] if len(command) > 1 else b"")
    try:
        return wire.exchange(command, seconds)
    except SlotMoved:  # the command took no effect, and the wire finds the new node
        return wire.exchange(command, seconds)


def entries_of(reply: Any) -> list[tuple[bytes, list[bytes]]]:
    """The entries in an XREADGROUP or XREAD reply about one stream: a list by RESP2, a dictionary by RESP3."""
    if not reply:
        return []
    entries: list[tuple[bytes, list[bytes]]] = next(iter(reply.values())) if isinstance(reply, dict) else reply[0][1]
    return entries


def clock_of(reply: Any) -> int:
    """The server's clock, in epoch ms, in a reply to TIME."""
    seconds, microseconds = reply
    return int(seconds) * 1000 + int(microseconds) // 1000


def pairs_of(reply: Any) -> dict[Any, Any]:
    """The names and values in a reply: alternately by RESP2, a dictionary or a list of pairs by RESP3."""
    if isinstance(reply, dict):
        return reply
    if reply and isinstance(reply[0], list):
        return dict(reply)
    return dict(zip(reply[0::2], reply[1::2], strict=True))
