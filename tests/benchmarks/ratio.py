"""Ratios: ours beside a baseline, round by round, and the target that their median is held to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

__all__ = ["SLACK", "Rounds", "Row", "Target", "at_least", "at_most", "percentile"]

SLACK = 0.8
"""The short form, for CI, fails below this part of a target: it looks for regressions, on machines that are busy."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure has to reach: at least `bound`, or at most.

    Where that is not reached yet, `so_far` is what was measured on a busy machine: the short form holds us to it, so
    that what is there does not get lost. It never counts as reached.
    """

    bound: float
    is_floor: bool
    so_far: float | None = None

    def reached(self, figure: float) -> bool:
        return figure >= self.bound if self.is_floor else figure <= self.bound

    def nearly_reached(self, figure: float) -> bool:
        """Whether the short form lets it pass."""
        held = self.bound if self.so_far is None else self.so_far
        return figure >= held * SLACK if self.is_floor else figure <= held / SLACK

    def __str__(self) -> str:
        held = "" if self.so_far is None else f" (held at {self.so_far:g})"
        return f"{'≥' if self.is_floor else '≤'} {self.bound:g}{held}"


def at_least(bound: float, *, so_far: float | None = None) -> Target:
    return Target(bound, True, so_far)


def at_most(bound: float, *, so_far: float | None = None) -> Target:
    return Target(bound, False, so_far)


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison: `ours` and `theirs` hold a figure a round, in `unit`, taken in turns.

    `target` is for the median of the ratios ours / theirs. `limit`, where there is one, is for the median of ours
    itself and takes the target's place in the long form; the short form judges ratios only.
    """

    benchmark: str
    case: str
    baseline: str
    unit: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    target: Target | None = None
    limit: Target | None = None
    note: str = ""

    @property
    def ratios(self) -> tuple[float, ...]:
        return tuple(ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True))

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def spread(self) -> tuple[float, float]:
        """The lowest and the highest ratio of a round."""
        return min(self.ratios), max(self.ratios)

    @property
    def reached(self) -> bool | None:
        """None where there is nothing to reach: a row for comparison only."""
        if self.limit is not None:
            return self.limit.reached(median(self.ours))
        return None if self.target is None else self.target.reached(self.ratio)

    @property
    def regressed(self) -> bool:
        """Whether the short form fails for it."""
        return self.target is not None and not self.target.nearly_reached(self.ratio)


class Rounds:
    """Takes figures in turns, ours before each baseline of a round, so that a slower minute slows them all."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        self._measures: dict[str, Callable[[], float]] = {}
        self.figures: dict[str, tuple[float, ...]] = {}

    def measure(self, name: str, take: Callable[[], float]) -> None:
        """Have `take` give a figure in each round, after those that were named before."""
        self._measures[name] = take

    def run(self) -> dict[str, tuple[float, ...]]:
        """The figures by name, one a round."""
        taken: dict[str, list[float]] = {name: [] for name in self._measures}
        for _ in range(self._rounds):
            for name, take in self._measures.items():
                taken[name].append(take())
        return {name: tuple(figures) for name, figures in taken.items()}


def percentile(figures: list[float], part: float) -> float:
    """The figure that `part` of all reach at most."""
    ordered = sorted(figures)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
