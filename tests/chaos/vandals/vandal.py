"""A vandal: somebody who may write to the server, and does what the contract leaves to the projector."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from tests.chaos.ground.arena import Arena

__all__ = ["Vandal"]


class Vandal(ABC):
    """`stops` tells whether the projectors must stop, naming the command that repairs; else they must go on.
    `forgets`: the server no longer knows that there was anything, and only an archive does."""

    name: ClassVar[str]
    stops: ClassVar[bool]
    forgets: ClassVar[bool] = False

    @abstractmethod
    def strike(self, arena: Arena) -> None: ...
