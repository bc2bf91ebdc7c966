"""Whether a worker of several namespaces is at work: its own loop, and that of each projector."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from projector.fleet.fleet import Fleet
from projector.fleet.sharing.registry import Word
from projector.metrics.commits import Activity
from tests.support.servers import eventually


class Search:
    found, refusal, wanted = frozenset({"a"}), None, "a"

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Registry:
    me = "me"

    def tell(self, word: Word) -> Mapping[str, Word]:
        return {self.me: word}

    def leave(self) -> None: ...


class Hanging:
    """A projector whose loop does not come round."""

    has_lease, stands_by, away_for = True, False, 0.0

    def __init__(self) -> None:
        self.runs, self._stopped = threading.Event(), threading.Event()

    def run(self) -> None:
        self.runs.set()
        self._stopped.wait()
        self.has_lease = False

    def stop(self) -> None:
        self._stopped.set()


def test_a_projector_that_hangs_is_silent_though_the_workers_own_loop_comes_round() -> None:
    now, rounds, projector = 0.0, 0, Hanging()

    def sleep(seconds: float) -> None:
        nonlocal rounds
        time.sleep(seconds)
        rounds += 1

    def come_round() -> None:
        begun = rounds
        eventually(lambda: rounds >= begun + 2, what="the loop")

    activity = Activity(monotonic=lambda: now)
    given: Any = (Search(), Registry(), lambda _: projector)
    fleet = Fleet(*given, lease_ttl=0.05, activity=activity, sleep=sleep)
    thread = threading.Thread(target=fleet.run)
    thread.start()
    try:
        assert projector.runs.wait(60)
        come_round()
        now = 200.0
        come_round()
        assert activity.silent_for == 200.0
        activity.of("a").beat()
        assert activity.silent_for == 0.0
    finally:
        fleet.stop()
        thread.join()
