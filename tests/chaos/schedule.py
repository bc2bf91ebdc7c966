"""A schedule: from a seed, which fault strikes when, and what it leaves to chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from tests.chaos.faults import Fault

__all__ = ["Schedule"]


@dataclass(frozen=True, slots=True)
class Stroke:
    """After `pause` seconds `fault` strikes, with the chances of `seed`."""

    pause: float
    fault: Fault
    seed: str


class Schedule:
    """For each place where faults strike an endless sequence of strokes; the same seed, the same sequences.

    Each sequence begins with all its faults, in some order, so that a short run has seen as many as it can.
    """

    def __init__(self, seed: str, faults: Sequence[Fault], *, longest_pause: float = 1.0) -> None:
        self.seed = seed
        self.places = sorted({fault.place for fault in faults})
        self._faults = faults
        self._longest_pause = longest_pause

    def strokes(self, place: str) -> Iterator[Stroke]:
        random = Random(f"{self.seed} {place}")
        number = 0
        while True:
            faults = [fault for fault in self._faults if fault.place == place]
            random.shuffle(faults)
            for fault in faults:
                number += 1
                yield Stroke(random.uniform(0, self._longest_pause), fault, f"{self.seed} {place} {number}")
