"""What this process does itself, counted in memory: its commits, and whether it is at work. Loads no Prometheus."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable
from functools import partial

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


class Report(msgspec.Struct):
    """What a process tells of itself: its figures by namespace, and for how many seconds it was silent."""

    figures: dict[str, Figures] = {}
    silent_for: float = 0.0


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
        self._heard: dict[int, tuple[Report, float]] = {}  # from processes, by their ids, and when
        self._before: dict[str, Figures] = {}  # of processes that have ended
        self._beaten_at = monotonic()
        self._beats: dict[str, float] = {}  # of the loops of single namespaces
        self._at_work: dict[str, float] | None = None  # since when; None: there is but one loop

    def of(self, namespace: str) -> Commits:
        """The observer for the projector of `namespace`, the same each time."""
        with self._lock:
            return self._commits.setdefault(namespace, Commits(partial(self._beat_of, namespace)))

    def beat(self, at_work: Iterable[str] = ()) -> None:
        """The loop has come round that looks after the projectors of the namespaces `at_work`, or after processes."""
        now = self._monotonic()
        with self._lock:
            before = self._at_work or {}
            self._at_work = {namespace: before.get(namespace, now) for namespace in at_work}
            self._beaten_at = now

    def _beat_of(self, namespace: str) -> None:
        with self._lock:
            self._beats[namespace] = self._monotonic()
            if self._at_work is None:
                self._beaten_at = self._beats[namespace]

    @property
    def silent_for(self) -> float:
        """Seconds since the last beat of the loop that is silent for longest, here or in a process it has started."""
        with self._lock:
            now = self._monotonic()
            loops = [max(since, self._beats.get(name, since)) for name, since in (self._at_work or {}).items()]
            heard = [now - at + report.silent_for for report, at in self._heard.values()]
            return max(now - min([self._beaten_at, *loops]), *heard, 0.0)

    def report(self) -> Report:
        """What this process has to tell the one that started it."""
        return Report(self.figures(), self.silent_for)

    def heard(self, process: int, report: Report) -> None:
        """A process that this one has started has told what it did since it began."""
        with self._lock:
            self._heard[process] = report, self._monotonic()

    def ended(self, process: int) -> None:
        """It has ended; what it did remains counted."""
        with self._lock:
            report, _ = self._heard.pop(process, (Report(), 0.0))
            for namespace, figures in report.figures.items():
                figures.active = False
                self._before.setdefault(namespace, Figures()).add(figures)

    def figures(self) -> dict[str, Figures]:
        """What was done since this process began, by namespace."""
        found: dict[str, Figures] = {}
        with self._lock:
            own = {namespace: commits.figures for namespace, commits in self._commits.items()}
            for told in (own, self._before, *(report.figures for report, _ in self._heard.values())):
                for namespace, figures in told.items():
                    found.setdefault(namespace, Figures()).add(figures)
        return dict(sorted(found.items()))
