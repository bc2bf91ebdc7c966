"""Asking the server, and telling a question that it does not answer from one that it does not allow."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import NoPermissionError, ResponseError

from producer.connection.client import Client
from projector.connection import is_wrong_type, translated
from projector.keys import Keys
from projector.query.damage import wrong_type
from projector.reading import Command, at_one_instant, each

_COMMAND = re.compile(r"run the '([^']+)' command")


class Unanswered(Exception):
    """The server will not say; the text tells why: the right that the account lacks, or the command it has not."""


class Inquiry:
    """Asks about one namespace. Raises Unanswered, Damaged for a key of another type, ServerUnavailable and
    ServerRefused."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    def ask(self, *command: Any) -> Any:
        """The reply to one command; None to XINFO about a key that is not there."""
        (reply,) = self.ask_each(command)
        return reply

    def ask_each(self, *commands: Any) -> list[Any]:
        """The replies to many commands, each from an instant of its own."""
        return self._ask(each, commands)

    def ask_at_once(self, *commands: Command) -> list[Any]:
        """The replies to all commands, from one instant."""
        return self._ask(at_one_instant, commands)

    def _ask(self, read: Callable[..., list[Any]], commands: Sequence[Command]) -> list[Any]:
        with translated(self._client):
            try:
                replies = read(self._client, self._keys.wal, commands)
            except ResponseError as error:  # one was refused before the transaction began
                raise self._unanswered(error) from error
            return [self._judged(reply, command) for reply, command in zip(replies, commands, strict=True)]

    def _judged(self, reply: Any, command: Command) -> Any:
        if not isinstance(reply, ResponseError):
            return reply
        if is_wrong_type(reply):
            raise wrong_type(command[1]) from reply
        raise self._unanswered(reply) from reply

    def _unanswered(self, error: ResponseError) -> Exception:
        text = str(error)
        if not isinstance(error, NoPermissionError):
            return Unanswered(f"the server says: {text}") if "unknown" in text else error
        found = _COMMAND.search(text)
        right = f"+{found[1]}" if found else f"%R~{self._keys.pattern.decode()}"
        return Unanswered(f"this account lacks the right {right}")
