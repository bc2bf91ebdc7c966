"""The queue from which the forwarder takes one producer's operations, in the order of their numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from producer.durability import Durability
from producer.identity import FormerIdentity, Identity

Numbered = tuple[int, bytes]
"""An operation's sequence number, and its bytes."""

Vetted = Callable[[Sequence[Numbered]], Sequence[Numbered]]
"""Gives the operations of a batch as they may be sent now; raises RedisError to have them wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """So many `operations` wait, `disk_bytes` of them on disk, the oldest since `oldest_at` (epoch ms; None: there is
    none), and so many more were `dropped` since the queue was made."""

    operations: int
    disk_bytes: int = 0
    oldest_at: int | None = None
    dropped: int = 0


class Queue(Protocol):
    """Waiting operations. Any thread appends; one thread, the forwarder's, reads and removes.

    The methods of a queue on disk raise SpoolDamaged if its file holds what nobody wrote; `tend` then
    begins a new file.
    """

    namespace: str
    """The namespace to whose log they go."""
    level: Durability
    """How safe an operation must be before it leaves, at least."""
    last: int
    """The highest number that was given out."""
    removed: int
    """The number up to which every operation has left."""

    @property
    def identity(self) -> Identity | FormerIdentity:
        """The producer whose operations wait."""

    @property
    def waiting(self) -> int:
        """How many operations wait."""

    @property
    def backlog(self) -> Backlog:
        """The same, and more. For now and then: it may read an operation."""

    def append(self, op: bytes, at: int) -> int:
        """Let the operation `op`, recorded `at` (epoch ms), wait; returns its number."""

    def batch(self, count: int, size: int) -> list[Numbered]:
        """The first `count` operations, or fewer: all but the first fit into `size` bytes. They stay in the queue."""

    def bind(self) -> None:
        """Note, before the first operation is sent, that the rest is for the same server and no other."""

    def remove(self, sent: Sequence[Numbered], acked: int) -> None:
        """Remove the first operations, `sent`; their producer may claim `acked` as acknowledged from now on."""

    def tend(self) -> None:
        """Do what is due from time to time, outside of the engine's calls."""

    def close(self) -> None:
        """Take no more operations."""
