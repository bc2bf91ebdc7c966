"""The worker's own connection: commands sent ahead of their replies, scripts by their digest, nothing retried."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from hashlib import sha1
from importlib.resources import files
from typing import Any

from hiredis import pack_command
from redis.cluster import RedisCluster
from redis.exceptions import NoScriptError, ResponseError

from producer.connection.client import Client, RedisError
from projector.connection import translation_of
from projector.errors import ServerUnavailable, Superseded

__all__ = ["Link", "Script", "entries_of", "pairs_of"]

_START_OVER = ("NOGROUP", "UNBLOCKED", "MOVED", "ASK", "NOSCRIPT")


class Script:
    """A script of `projector/commit/`, by its file's name; `digest` is what EVALSHA knows it by."""

    def __init__(self, name: str) -> None:
        self.source = files("projector.commit").joinpath(f"{name}.lua").read_bytes()
        self.digest = sha1(self.source, usedforsecurity=False).hexdigest()


class Link:
    """One connection out of `client`'s pool, for one session, with `scripts` loaded. After an error it is closed: a
    stale reply must not answer the next command.

    Raises ServerUnavailable and ServerRefused, and Superseded for what a session begins anew after.
    """

    def __init__(self, client: Client, key: bytes, scripts: Iterable[Script]) -> None:
        self._client = client
        try:
            self._pool = _pool_of(client, key)
            self._connection: Any = self._pool.get_connection()
        except (RedisError, OSError, UnicodeError) as error:
            raise self._translated(error) from error
        self._expected: deque[Callable[[Any], None]] = deque()
        self.call_all([("SCRIPT", "LOAD", script.source) for script in scripts])

    def request(self, then: Callable[[Any], None], *command: Any) -> None:
        """Send a command ahead; `then` gets its reply, in the order in which commands were sent."""
        self._send([pack_command(command)])  # redis-py's own packing looks at each argument in Python first
        self._expected.append(then)

    def request_script(
        self, then: Callable[[Any], None], script: Script, keys: list[bytes], arguments: list[Any]
    ) -> None:
        self.request(then, "EVALSHA", script.digest, len(keys), *keys, *arguments)

    def receive(self) -> None:
        """Wait for the next reply that is under way, and do with it what was to be done."""
        then = self._expected.popleft()
        then(self._read())

    def settle(self) -> None:
        """Receive all that is under way."""
        while self._expected:
            self.receive()

    def call(self, *command: Any) -> Any:
        """The reply of one command, after all that are under way."""
        self.settle()
        self._send(self._connection.pack_command(*command))
        return self._read()

    def call_all(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        """The replies of many commands, sent together."""
        self.settle()
        self._send(self._connection.pack_commands(commands))
        return [self._read() for _ in commands]

    def scan(self, pattern: bytes) -> list[bytes]:
        """Every key like `pattern`, sorted."""
        found: set[bytes] = set()
        cursor: bytes | int = 0
        while True:
            cursor, page = self.call("SCAN", cursor, "MATCH", pattern, "COUNT", 1000)
            found.update(page)
            if int(cursor) == 0:
                return sorted(found)

    def call_script(self, script: Script, keys: list[bytes], arguments: list[Any]) -> Any:
        return self.call("EVALSHA", script.digest, len(keys), *keys, *arguments)

    def _send(self, packed: Any) -> None:
        try:
            self._connection.send_packed_command(packed)
        except (RedisError, OSError) as error:
            raise self._failed(error) from error

    def _read(self) -> Any:
        try:
            return self._connection.read_response()
        except (RedisError, OSError) as error:
            raise self._failed(error) from error

    def close(self) -> None:
        connection, self._connection = self._connection, _Closed()
        if not isinstance(connection, _Closed):
            connection.disconnect()
            self._pool.release(connection)

    def _failed(self, error: RedisError | OSError) -> Exception:
        self.close()
        return self._translated(error)

    def _translated(self, error: RedisError | OSError | UnicodeError) -> Exception:
        if isinstance(error, NoScriptError) or (
            isinstance(error, ResponseError) and str(error).startswith(_START_OVER)
        ):
            return Superseded(str(error))
        if isinstance(error, RedisError):
            return translation_of(error, self._client)
        return ServerUnavailable(str(error))


class _Closed:
    """Stands where the connection was: whoever uses a closed link begins anew."""

    def __getattr__(self, name: str) -> Any:
        raise Superseded("the connection was closed")


def _pool_of(client: Client, key: bytes) -> Any:
    if isinstance(client, RedisCluster):
        node = client.get_node_from_key(key.decode())
        return client.get_redis_connection(node).connection_pool
    return client.connection_pool


def entries_of(reply: Any) -> list[tuple[bytes, list[bytes]]]:
    """The entries of an XREADGROUP or XREAD reply of one stream, whichever protocol it came by."""
    if not reply:
        return []
    if isinstance(reply, dict):  # RESP3
        reply = list(reply.items())
    entries: list[tuple[bytes, list[bytes]]] = reply[0][1]
    return entries


def pairs_of(reply: Any) -> dict[Any, Any]:
    """Names and values, as either protocol returns them: of a hash, of XINFO, or of a page of HSCAN."""
    if isinstance(reply, dict):
        return reply
    return dict(zip(reply[0::2], reply[1::2], strict=True))
