"""Asking the server, and telling what it does not answer from what it does not allow."""

from __future__ import annotations

import re
from typing import Any

import redis
from redis.exceptions import NoPermissionError, OutOfMemoryError, ResponseError

from producer.connection.client import Client
from projector.connection import translated
from projector.keys import Keys
from projector.query.damage import wrong_type

__all__ = ["Inquiry", "Unanswered"]

_COMMAND = re.compile(r"run the '([^']+)' command")


class Unanswered(Exception):
    """The server will not say; the text tells why: the right that the account lacks, or the command it has not."""


class Inquiry:
    """Asks about one namespace. Raises Unanswered, Damaged for a key of another type, ServerUnavailable and
    ServerRefused."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client if isinstance(client, redis.Redis) else _node_of(client, keys)
        self._keys = keys

    def ask(self, *command: Any) -> Any:
        """The reply to one command, in redis-py's form; None to XINFO about a key that is not there."""
        (reply,) = self.ask_each(command)
        return reply

    def ask_each(self, *commands: tuple[Any, ...]) -> list[Any]:
        """The replies to many commands, each from an instant of its own."""
        return self._ask(commands, transaction=False)

    def ask_at_once(self, *commands: tuple[Any, ...]) -> list[Any]:
        """The replies to all commands, from one instant; where memory is full, if need be, one after the other."""
        return self._ask(commands, transaction=True)

    def _ask(self, commands: tuple[tuple[Any, ...], ...], *, transaction: bool) -> list[Any]:
        with translated(self._client), self._client.pipeline(transaction=transaction) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            try:
                replies = pipeline.execute(raise_on_error=False)
            except OutOfMemoryError:
                # With memory full, Redis 7.0 takes no command into a transaction, not even one that reads. Nothing is
                # recorded then either: what is asked for one by one is nearly as good.
                return self._ask(commands, transaction=False)
            except ResponseError as error:  # one was refused before the transaction began
                raise self._unanswered(error) from error
            return [self._judged(reply, command) for reply, command in zip(replies, commands, strict=True)]

    def _judged(self, reply: Any, command: tuple[Any, ...]) -> Any:
        if not isinstance(reply, ResponseError):
            return reply
        if "no such key" in str(reply).lower():
            return None
        if "WRONGTYPE" in str(reply):
            raise wrong_type(command[1]) from reply
        raise self._unanswered(reply) from reply

    def _unanswered(self, error: ResponseError) -> Exception:
        text = str(error)
        if not isinstance(error, NoPermissionError):
            return Unanswered(f"the server says: {text}") if "unknown" in text else error
        found = _COMMAND.search(text)
        right = f"+{found[1]}" if found else f"%R~{self._keys.pattern.decode()}"
        return Unanswered(f"this account lacks the right {right}")


def _node_of(client: Any, keys: Keys) -> redis.Redis:
    """The node of a cluster that has the namespace."""
    node: redis.Redis = client.get_redis_connection(client.get_node_from_key(keys.wal.decode()))
    return node
