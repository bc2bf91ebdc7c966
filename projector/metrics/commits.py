"""What this process does itself, counted in memory: its commits, and whether it is at work. Loads no Prometheus."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Callable

import msgspec

COMMIT_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""The upper bounds of the histogram of commits."""
STUCK_SECONDS = 120.0
"""A loop that has not come round for so long hangs: the longest that it waits for anything is a time-out."""


class Figures(msgspec.Struct):
    """Whether a namespace is projected, how many commits there were by their duration, and how long all took."""

    active: bool = False
    counts: list[int] = msgspec.field(default_factory=lambda: [0] * (len(COMMIT_SECONDS) + 1))
    seconds: float = 0.0

    def add(self, other: Figures) -> None:
        """Count what another process counted."""
        self.active |= other.active
        self.counts = [one + more for one, more in zip(self.counts, other.counts, strict=True)]
        self.seconds += other.seconds


class Commits:
    """The observer of the projector of one namespace. One thread writes its `figures`, others read them."""

    def __init__(self, beat: Callable[[], None]) -> None:
        self.beat = beat
        self.figures = Figures()

    def committed(self, seconds: float) -> None:
        """A commit has succeeded, so many seconds after it was sent."""
        self.figures.counts[bisect_left(COMMIT_SECONDS, seconds)] += 1
        self.figures.seconds += seconds

    def is_active(self, active: bool) -> None:
        """Whether the projector has the lease."""
        self.figures.active = active


class Activity:
    """What the projectors of this process, and of those that it has started, do."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._commits: dict[str, Commits] = {}
        self._heard: dict[int, dict[str, Figures]] = {}  # from processes, by their ids
        self._before: dict[str, Figures] = {}  # of processes that have ended
        self._beaten_at = monotonic()

    def of(self, namespace: str) -> Commits:
        """The observer for the projector of `namespace`, the same each time."""
        with self._lock:
            return self._commits.setdefault(namespace, Commits(self.beat))

    def beat(self) -> None:
        """The loop of a projector, or of what looks after several, has come round."""
        self._beaten_at = self._monotonic()

    @property
    def silent_for(self) -> float:
        """Seconds since the last beat."""
        return self._monotonic() - self._beaten_at

    def heard(self, process: int, figures: dict[str, Figures]) -> None:
        """A process that this one has started has told what it did since it began."""
        with self._lock:
            self._heard[process] = figures

    def ended(self, process: int) -> None:
        """It has ended; what it did remains counted."""
        with self._lock:
            for namespace, figures in self._heard.pop(process, {}).items():
                figures.active = False
                self._before.setdefault(namespace, Figures()).add(figures)

    def figures(self) -> dict[str, Figures]:
        """What was done since this process began, by namespace."""
        found: dict[str, Figures] = {}
        with self._lock:
            own = {namespace: commits.figures for namespace, commits in self._commits.items()}
            for told in (own, self._before, *self._heard.values()):
                for namespace, figures in told.items():
                    found.setdefault(namespace, Figures()).add(figures)
        return dict(sorted(found.items()))
