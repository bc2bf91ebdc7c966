"""The strikers: a thread for each place, at which it lets fault after fault strike."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from threading import Event, Thread

from tests.chaos.ground.arena import Arena
from tests.chaos.schedule import Schedule

__all__ = ["Strikers", "Tell"]

Tell = Callable[[str], None]


class Strikers:
    """Strike at all places at once. To be used with `with`, around everything that their arena is still needed for.

    A process that dies with its parent dies with the thread that started it. So these threads stay until the end,
    though they have long stopped striking.
    """

    def __init__(self, arena: Arena, schedule: Schedule, tell: Tell) -> None:
        self._arena = arena
        self._schedule = schedule
        self._tell = tell
        self._until = 0.0
        self._trouble: list[Exception] = []
        self._peace = Event()
        self._over = Event()
        self._finished = {place: Event() for place in schedule.places}
        self._threads = [Thread(target=self._stay, args=(place,)) for place in schedule.places]

    def strike(self, seconds: float) -> None:
        """For so long; raises what went wrong first."""
        self._until = time.monotonic() + seconds
        for thread in self._threads:
            thread.start()
        for finished in self._finished.values():
            finished.wait()
        if self._trouble:
            raise self._trouble[0]

    def __enter__(self) -> Strikers:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _stay(self, place: str) -> None:
        try:
            self._strike_at(place)
        except Exception as error:  # noqa: BLE001 - raised by the thread that waits
            self._trouble.append(error)
            self._peace.set()
        self._finished[place].set()
        self._over.wait()

    def _strike_at(self, place: str) -> None:
        for stroke in self._schedule.strokes(place):
            if self._peace.wait(stroke.pause) or time.monotonic() > self._until:
                return
            self._tell(f"{self._until - time.monotonic():6.1f} s left: {stroke.fault.name}")
            stroke.fault.strike(self._arena, Random(stroke.seed))
            self._arena.figures.faults[stroke.fault.name] += 1
