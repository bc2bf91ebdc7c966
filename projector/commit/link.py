"""The worker's own connection: commands sent ahead of their replies, scripts by their digest, nothing retried."""

from collections import deque
from collections.abc import Callable, Iterable
from hashlib import sha1
from importlib.resources import files
from typing import Any

from redis.exceptions import NoScriptError, RedisError, ResponseError

from producer.connection.client import Client
from producer.connection.nodes import SlotMoved
from producer.connection.wire import Wire, pack
from projector.connection.translation import translation_of
from projector.errors import ProjectorError, Superseded

_START_OVER = ("NOGROUP", "UNBLOCKED", "MOVED", "ASK")

_ABSENT = b"}:absent"
"""A key that nobody ever writes, by which a script is refused while its slot is moved to another node key by key.

Else a script would begin if all its keys were still here, and fail in its midst if it wrote to one that it had just
deleted or emptied: such a key is taken for one that has moved. Half a commit would be written.
"""


class Script:
    """A script of `projector/commit/`, by its file's name, behind the fences that all share."""

    def __init__(self, name: str) -> None:
        folder = files("projector.commit")
        self.source = (folder / "fences.lua").read_bytes() + (folder / f"{name}.lua").read_bytes()
        self._digest = sha1(self.source, usedforsecurity=False).hexdigest()

    def command(self, keys: list[bytes], arguments: list[Any]) -> tuple[Any, ...]:
        """The command that runs the script, for a link that has loaded it. All `keys` are of one namespace."""
        absent = keys[0].partition(b"}")[0] + _ABSENT
        return ("EVALSHA", self._digest, len(keys) + 1, *keys, absent, *arguments)


class Link:
    """A wire for one session, with `scripts` loaded. A link whose wire has failed stays closed.

    Raises ServerUnavailable and ServerRefused, and Superseded for a failure after which a session starts over.
    """

    def __init__(self, client: Client, key: bytes, scripts: Iterable[Script]) -> None:
        self._client = client
        self._key = key
        self._wire = Wire(client, key)
        self._expected: deque[tuple[Callable[[Any], object], int]] = deque()
        self._translated(self._wire.open)
        self.call_all([("SCRIPT", "LOAD", script.source) for script in scripts])

    def request(self, then: Callable[[Any], object], *command: Any) -> None:
        """Send a command ahead; `then` gets its reply, in the order in which commands were sent."""
        self._translated(self._usable.send, [command])
        self._expected.append((then, 0))

    def begin(self, watched: list[bytes], fence: tuple[Any, ...]) -> Any:
        """Watch keys, ask the script `fence`, and open a transaction: the fence's reply.

        No write goes before the server has said OK to MULTI, without which it would run at once. `execute` has to
        follow, or `abandon`: until then the link is of no other use.
        """
        _, reply, _ = self.call_all([("WATCH", *watched), fence, ("MULTI",)])
        return reply

    def execute(self, then: Callable[[Any], object], commands: list[bytes]) -> None:
        """Send the packed `commands` of the transaction ahead, and EXEC; `then` gets what `Wire.executed` returns."""
        self._translated(self._usable.send_on, [*commands, pack(("EXEC",))])
        self._expected.append((then, len(commands)))

    def abandon(self) -> None:
        """End the transaction empty: an account that may EXEC may that, which DISCARD would be another right for."""
        self.call("EXEC")

    def receive(self) -> None:
        """Wait for the next reply that is under way, and give it to its `then`."""
        then, queued = self._expected.popleft()
        then(self._translated(self._usable.executed, queued) if queued else self._translated(self._usable.read))

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
        replies: list[Any] = self._translated(self._usable.ask, commands)
        refusal = next((reply for reply in replies if isinstance(reply, RedisError)), None)
        if refusal is not None:
            self.close()  # what was sent behind the refused command may have changed what the connection is for
            raise self.translation_of(refusal) from refusal
        return replies

    def close(self) -> None:
        """Close the connection; replies that were not received are lost."""
        self._wire.close()

    @property
    def _usable(self) -> Wire:
        if not self._wire.is_open:
            raise Superseded("the connection was closed")
        return self._wire

    def _translated(self, act: Callable[..., Any], *arguments: Any) -> Any:
        """What `act` returns; redis-py's errors as the projector's."""
        try:
            return act(*arguments)
        except RedisError as error:
            raise self.translation_of(error) from error

    def translation_of(self, error: RedisError) -> ProjectorError:
        """The projector's error for one of redis-py's."""
        starts_over = isinstance(error, ResponseError) and str(error).startswith(_START_OVER)
        if starts_over or isinstance(error, NoScriptError | SlotMoved):
            return Superseded(str(error))
        return translation_of(error, self._client, self._key)
