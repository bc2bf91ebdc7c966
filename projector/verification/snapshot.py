"""Reading a projection for its verification: some keys and the checkpoint at one instant."""

from __future__ import annotations

from typing import Any

from producer.connection.client import Client
from projector.connection import given, is_wrong_type, translated
from projector.fold.rendering import Content, Rendered
from projector.keys import Keys
from projector.reading import Command, at_one_instant_by_script, each

_READ: dict[str, tuple[str, tuple[str | int, ...]]] = {
    "list": ("LRANGE", (0, -1)),
    "hash": ("HGETALL", ()),
    "zset": ("ZRANGE", (0, -1, "WITHSCORES")),
}
"""How a key of each kind is read whole: the command, and what follows the key."""


class Snapshot:
    """Reads the projection under `keys`. Every method raises ServerUnavailable, ServerRefused or Damaged."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    def call(self, *command: Any) -> Any:
        """The reply to one command."""
        with translated(self._client):
            (reply,) = each(self._client, self._keys.wal, [command])
        return given(reply, self._client)

    def at_one_instant(self, *commands: Command) -> tuple[str, list[Any]]:
        """(the checkpoint's last_id, the replies); None for a reply about a key of another type."""
        stands: Command = ("HGET", self._keys.checkpoint, "last_id")
        with translated(self._client):
            last_id, *replies = at_one_instant_by_script(self._client, self._keys.wal, [stands, *commands])
        last_id = given(last_id, self._client) or b""
        return last_id.decode(), [None if is_wrong_type(reply) else given(reply, self._client) for reply in replies]

    def contents(self, rendered: list[Rendered]) -> tuple[str, list[Content | None]]:
        """(last_id, what Redis holds under each key), at one instant; None for an absent key or another type."""
        commands: list[Command] = []
        for key, kind, _ in rendered:
            command, arguments = _READ[kind]
            commands.append((command, key, *arguments))
        last_id, replies = self.at_one_instant(*commands)
        return last_id, [_content(kind, reply) for (_, kind, _), reply in zip(rendered, replies, strict=True)]


def _content(kind: str, reply: Any) -> Content | None:
    if not reply:
        return None
    if kind == "zset":
        return {member: int(float(score)) for member, score in reply.items()}
    content: Content = reply
    return content
