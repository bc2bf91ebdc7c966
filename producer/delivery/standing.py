"""What has become of a producer's operations, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Of the operations of this process since its producer began: how many were `recorded`, in the log or the queue,
    as safely as was asked; how many were `refused`: their calls raised, or the full spool dropped them again; and how
    many are `waiting` for the log, `spool_bytes` of them on disk, the oldest since `oldest_at` (epoch ms)."""

    recorded: int
    refused: int
    waiting: int = 0
    spool_bytes: int = 0
    oldest_at: int | None = None

    def __add__(self, other: Standing) -> Standing:
        since = [at for at in (self.oldest_at, other.oldest_at) if at is not None]
        return Standing(
            recorded=self.recorded + other.recorded,
            refused=self.refused + other.refused,
            waiting=self.waiting + other.waiting,
            spool_bytes=self.spool_bytes + other.spool_bytes,
            oldest_at=min(since, default=None),
        )
