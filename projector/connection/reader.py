"""Reading the server: many keys at one instant, or very many fast. Nothing here writes."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import RedisError

from producer.connection.client import Client, is_refusal
from producer.connection.wire import Wire
from projector.connection.exchange import Command, Exchange, drive, in_multi, in_script, meaning_of, one_by_one
from projector.connection.translation import is_wrong_type, translation_of

__all__ = ["Command", "Reader", "scan"]


class Reader:
    """Reads from the node that has `key`. Every method raises ServerUnavailable, ServerRefused, or Damaged for a key
    of another type. Replies are as every protocol would have them; XINFO about an absent key gives None."""

    def __init__(self, client: Client, key: bytes) -> None:
        self._client = client
        self._key = key

    def call(self, *command: Any) -> Any:
        """The reply to one command."""
        (reply,) = self.each(command)
        return reply

    def each(self, *commands: Command) -> list[Any]:
        """The replies to `commands`, each from an instant of its own."""
        return self._replies(one_by_one, commands) if commands else []

    def at_one_instant(self, *commands: Command) -> list[Any]:
        """The replies to `commands`, all from one instant: by a MULTI, or by a script while memory is full."""
        return self._replies(in_multi, commands)

    def at_one_instant_by_script(self, *commands: Command) -> list[Any]:
        """The same for an account that has no right to MULTI, and with None for a key of another type."""
        return self._replies(in_script, commands, wrong_type_raises=False)

    def _replies(
        self,
        exchange: Callable[[Sequence[Command]], Exchange],
        commands: Sequence[Command],
        *,
        wrong_type_raises: bool = True,
    ) -> list[Any]:
        try:
            replies = self._read(exchange, commands)
            return [
                meaning_of(reply, command) if wrong_type_raises or not is_wrong_type(reply) else None
                for reply, command in zip(replies, commands, strict=True)
            ]
        except RedisError as error:
            raise translation_of(error, self._client, self._key) from error

    def _read(self, exchange: Callable[[Sequence[Command]], Exchange], commands: Sequence[Command]) -> list[Any]:
        """Reading again does no harm, and helps where a pooled connection has ended since it was used last."""
        try:
            with Wire(self._client, self._key) as wire:
                return drive(exchange(commands), wire.ask)
        except Disconnected as error:
            if is_refusal(error):
                raise
            with Wire(self._client, self._key) as wire:
                return drive(exchange(commands), wire.ask)


def scan(call: Callable[..., Any], pattern: bytes, *, seconds: float = math.inf) -> list[bytes]:
    """Every key like `pattern` that is found within `seconds`, sorted; `call` sends one command."""
    deadline = time.monotonic() + seconds
    found: set[bytes] = set()
    cursor: bytes | int = 0
    while True:
        cursor, page = call("SCAN", cursor, "MATCH", pattern, "COUNT", 1000)
        found.update(page)
        if int(cursor) == 0 or time.monotonic() > deadline:
            return sorted(found)
