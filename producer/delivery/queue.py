"""What the forwarder takes operations from: one producer's, in the order of their numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from producer.delivery.durability import Level
from producer.identity import FormerIdentity, Identity

__all__ = ["Numbered", "Queue", "Vetted"]

Numbered = tuple[int, bytes]
"""An operation's number, and its bytes."""

Vetted = Callable[[Sequence[Numbered]], Sequence[Numbered]]
"""Gives operations as they may be sent, just before they are; raises RedisError to have them wait."""


class Queue(Protocol):
    """Operations that wait. They are put in by any thread, and taken out by one.

    Raises SpoolDamaged where they stand in a file that holds what was not written there; `tend` mends that.
    """

    @property
    def identity(self) -> Identity | FormerIdentity:
        """Whose they are."""

    @property
    def namespace(self) -> str:
        """Whose log they are for."""

    @property
    def level(self) -> Level:
        """How safe they have to be before they leave, at least."""

    @property
    def waiting(self) -> int:
        """How many operations there are."""

    @property
    def last(self) -> int:
        """The highest number that was given out."""

    @property
    def removed(self) -> int:
        """Every number up to it has left."""

    def append(self, op: bytes, at: int) -> int:
        """Put an operation in that was recorded `at` that time (epoch ms); its number."""

    def batch(self, count: int, size: int) -> list[Numbered]:
        """The first ones, at most so many; beyond the first, at most so many bytes. They stay."""

    def bind(self) -> None:
        """It is about to be sent: from here on it is for the server that it is sent to, and no other."""

    def remove(self, sent: Sequence[Numbered], acked: int) -> None:
        """Let the first ones, `sent`, go; `acked` is what their producer may claim as acknowledged from here on."""

    def tend(self) -> None:
        """What has to be done now and then, and not in the engine's time."""

    def close(self) -> None:
        """Take no more in."""
