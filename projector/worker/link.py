"""The worker's own connection: commands sent ahead of their replies, scripts by their digest, nothing retried."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from hashlib import sha1
from importlib.resources import files
from typing import Any

from redis.exceptions import NoScriptError, RedisError, ResponseError

from producer.connection.client import Client
from producer.connection.wire import SlotMoved, Wire
from projector.connection import translation_of
from projector.errors import Superseded

_START_OVER = ("NOGROUP", "UNBLOCKED", "MOVED", "ASK")


class Script:
    """A script of `projector/commit/`, by its file's name; `digest` is what EVALSHA knows it by."""

    def __init__(self, name: str) -> None:
        self.source = files("projector.commit").joinpath(f"{name}.lua").read_bytes()
        self.digest = sha1(self.source, usedforsecurity=False).hexdigest()


class Link:
    """A wire for one session, with `scripts` loaded. A link whose wire has failed stays closed.

    Raises ServerUnavailable and ServerRefused, and Superseded for a failure after which a session starts over.
    """

    def __init__(self, client: Client, key: bytes, scripts: Iterable[Script]) -> None:
        self._client = client
        self._wire = Wire(client, key)
        self._expected: deque[Callable[[Any], None]] = deque()
        self._translated(self._wire.open)
        self.call_all([("SCRIPT", "LOAD", script.source) for script in scripts])

    def request(self, then: Callable[[Any], None], *command: Any) -> None:
        """Send a command ahead; `then` gets its reply, in the order in which commands were sent."""
        self._send([command])
        self._expected.append(then)

    def request_script(
        self, then: Callable[[Any], None], script: Script, keys: list[bytes], arguments: list[Any]
    ) -> None:
        """Send a script ahead, as `request` does a command."""
        self.request(then, "EVALSHA", script.digest, len(keys), *keys, *arguments)

    def receive(self) -> None:
        """Wait for the next reply that is under way, and give it to its `then`."""
        then = self._expected.popleft()
        then(self._read())

    def settle(self) -> None:
        """Receive every reply that is under way."""
        while self._expected:
            self.receive()

    def call(self, *command: Any) -> Any:
        """The reply to one command, after all that are under way."""
        (reply,) = self.call_all([command])
        return reply

    def call_all(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        """The replies to many commands, sent together."""
        self.settle()
        self._send(commands)
        return [self._read() for _ in commands]

    def call_script(self, script: Script, keys: list[bytes], arguments: list[Any]) -> Any:
        """The reply to a script, as `call` gives a command's."""
        return self.call("EVALSHA", script.digest, len(keys), *keys, *arguments)

    def close(self) -> None:
        """Close the connection; replies that were not received are lost."""
        self._wire.close()

    def _send(self, commands: list[tuple[Any, ...]]) -> None:
        if not self._wire.is_open:
            raise Superseded("the connection was closed")
        self._translated(self._wire.send, commands)

    def _read(self) -> Any:
        if not self._wire.is_open:
            raise Superseded("the connection was closed")
        return self._translated(self._wire.read)

    def _translated(self, act: Callable[..., Any], *arguments: Any) -> Any:
        """What `act` returns; redis-py's errors as the projector's."""
        try:
            return act(*arguments)
        except RedisError as error:
            starts_over = isinstance(error, ResponseError) and str(error).startswith(_START_OVER)
            if starts_over or isinstance(error, NoScriptError | SlotMoved):
                raise Superseded(str(error)) from error
            raise translation_of(error, self._client) from error
