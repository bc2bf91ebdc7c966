"""The log as it survived: read with XRANGE and parsed here, by nothing of the product."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import redis

from tests.chaos.history.deed import Deed

__all__ = ["LogEntry", "read_log"]

_PAGE = 5000


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry. `by` is None for one written by hand; `deed` is None for what no writer writes. `lost`: so many
    other entries are lost, as somebody has accepted. `seals`: it tells how far the archive is."""

    id: str
    by: str | None
    seq: int
    acked: int
    deed: Deed | None
    lost: int = 0
    seals: bool = False

    @property
    def order(self) -> tuple[int, int]:
        """Greater than that of every entry before."""
        milliseconds, _, number = self.id.partition("-")
        return int(milliseconds), int(number)

    @property
    def at(self) -> float:
        """When it was appended, in seconds of the epoch, by the server's clock."""
        return int(self.id.partition("-")[0]) / 1000

    @property
    def identity(self) -> tuple[str, int]:
        return (self.by or "", self.seq)

    @classmethod
    def of_fields(cls, entry_id: bytes, fields: dict[bytes, bytes]) -> LogEntry:
        by = fields.get(b"by")
        deed, lost, seals = None, 0, False
        with suppress(ValueError, KeyError, TypeError):
            operation = json.loads(fields[b"op"])
            lost = operation["entries"] if operation["type"] == "loss_accepted" else 0
            seals = operation["type"] == "archive_sealed"
            deed = Deed.of_operation(operation)
        return cls(
            entry_id.decode(),
            by.decode() if by is not None else None,
            int(fields.get(b"seq", 0)),
            int(fields.get(b"acked", 0)),
            deed,
            lost,
            seals,
        )


def read_log(client: redis.Redis, key: str) -> list[LogEntry]:
    """All entries, oldest first."""
    return list(_entries(client, key))


def _entries(client: redis.Redis, key: str) -> Iterator[LogEntry]:
    after = "-"
    while True:
        page: Any = client.xrange(key, after, "+", count=_PAGE)
        for entry_id, fields in page:
            yield LogEntry.of_fields(entry_id, fields)
        if len(page) < _PAGE:
            return
        after = f"({page[-1][0].decode()}"
