"""A vandal: somebody who may write to the server, and does what the contract leaves to the projector."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from tests.chaos.ground.arena import Arena

__all__ = ["Vandal"]


class Vandal(ABC):
    """`stops` tells whether the projectors must stop, naming the command that mends; else they must go on."""

    name: ClassVar[str]
    stops: ClassVar[bool]

    @abstractmethod
    def strike(self, arena: Arena) -> None: ...
