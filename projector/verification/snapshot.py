"""Reading log and projection for a verification: some keys and the checkpoint at one instant."""

from __future__ import annotations

from typing import Any

from producer.connection.client import RedisError
from producer.connection.wire import pairs_of
from projector.errors import Damaged
from projector.fold.rendering import Content, Rendered
from projector.instant import Command, eval_of
from projector.keys import Keys
from projector.worker.link import Link

__all__ = ["Reader"]

_READ: dict[str, tuple[str, tuple[str | int, ...]]] = {
    "list": ("LRANGE", (0, -1)),
    "hash": ("HGETALL", ()),
    "zset": ("ZRANGE", (0, -1, "WITHSCORES")),
}
"""How a key of each kind is read whole: the command, and what follows the key."""


class Reader:
    """Reads; writes nothing."""

    def __init__(self, link: Link, keys: Keys) -> None:
        self.keys = keys
        self._link = link

    def entries(self, first: str, last: str, count: int) -> list[tuple[bytes, list[bytes]]]:
        """A page of the log, fields in order and with repetitions."""
        page: list[tuple[bytes, list[bytes]]] = self._link.call("XRANGE", self.keys.wal, first, last, "COUNT", count)
        return page

    def at_one_instant(self, *commands: Command) -> tuple[str, list[Any]]:
        """(the checkpoint's last_id, the replies); a reply may be the server's error."""
        replies = self._link.call(*eval_of([("HGET", self.keys.checkpoint, "last_id"), *commands]))
        if isinstance(replies[0], RedisError):
            raise Damaged(
                f"{self.keys.checkpoint.decode()}: expected a hash, found another type; "
                "mend it with: projector rebuild"
            )
        return (replies[0] or b"").decode(), replies[1:]

    def contents(self, rendered: list[Rendered]) -> tuple[str, list[Content | None]]:
        """(last_id, what Redis holds under each key), at one instant; None for an absent key or another type."""
        commands: list[Command] = []
        for key, kind, _ in rendered:
            command, arguments = _READ[kind]
            commands.append((command, key, *arguments))
        last_id, replies = self.at_one_instant(*commands)
        return last_id, [_content(kind, reply) for (_, kind, _), reply in zip(rendered, replies, strict=True)]

    def scan(self, pattern: bytes) -> list[bytes]:
        """Every key like `pattern`."""
        return self._link.scan(pattern)


def _content(kind: str, reply: Any) -> Content | None:
    if not reply or isinstance(reply, RedisError):
        return None
    if kind == "list":
        return list(reply)
    pairs = pairs_of(reply)
    return {member: int(float(score)) for member, score in pairs.items()} if kind == "zset" else pairs
