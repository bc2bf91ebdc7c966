"""A fault: something that goes wrong for a while, by itself or because somebody does it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from random import Random
from typing import ClassVar

from tests.chaos.ground.arena import Arena

__all__ = ["Fault"]


class Fault(ABC):
    """Faults of the same `place` come one after the other, those of different places at the same time.

    `strike` does the harm and returns once it is over: what was ended runs again, what was changed is as before. All
    that is left to chance comes from `random`.
    """

    name: ClassVar[str]
    place: ClassVar[str]

    @abstractmethod
    def strike(self, arena: Arena, random: Random) -> None: ...
