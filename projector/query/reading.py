"""What the query asks the server for; a reply that is an error is raised in the projector's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from producer.connection.client import Client
from projector.connection import given, is_wrong_type, translated
from projector.query.damage import wrong_type
from projector.reading import Command, at_one_instant, each


def read_at_one_instant(client: Client, *commands: Command) -> list[Any]:
    """The replies to `commands`, all from one instant; None to XINFO STREAM of an absent key.

    Raises ServerUnavailable, ServerRefused, or Damaged for a key of another type.
    """
    with translated(client):
        replies = at_one_instant(client, commands[0][1], commands)
    return [_answer(reply, command, client) for reply, command in zip(replies, commands, strict=True)]


def read_in_bulk(client: Client, name: str, keys: Sequence[bytes], *arguments: bytes) -> list[Any]:
    """The replies to one command for each of `keys`, each from an instant of its own; raises as above."""
    commands: list[Command] = [(name, key, *arguments) for key in keys]
    with translated(client):
        replies = each(client, keys[0], commands) if keys else []
    return [_answer(reply, command, client) for reply, command in zip(replies, commands, strict=True)]


def _answer(reply: Any, command: Command, client: Client) -> Any:
    if is_wrong_type(reply):
        raise wrong_type(command[1]) from reply
    return given(reply, client)
