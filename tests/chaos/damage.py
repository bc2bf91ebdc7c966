"""Damage: what a vandal did, seen by the projectors, repaired by an operator, and the history afterwards."""

from __future__ import annotations

from tests.chaos.ground.arena import Arena
from tests.chaos.ground.waiting import until
from tests.chaos.vandals import Vandal

__all__ = ["endure"]

_CURE = "projector rebuild"
_ACCEPT = "--accept-loss"


def endure(arena: Arena, vandal: Vandal) -> None:
    """Let the vandal strike; raises unless all ends in the right history, or in a stop that a rebuild repairs."""
    arena.wait_for_progress()
    vandal.strike(arena)
    arena.figures.faults[vandal.name] += 1
    if vandal.stops:
        _await_the_stop(arena)
        _mend(arena)
    elif vandal.forgets and arena.archive:
        _recover(arena)
    arena.wait_for_progress()
    verified = arena.verify()
    if verified.status:
        raise AssertionError(f"silently wrong after {vandal.name}: {verified.text}")


def _await_the_stop(arena: Arena) -> None:
    """Every projector ends with status 1 and one line that names the cure."""
    stopped = []
    wanted = len(arena.projectors.running)

    def all_stopped() -> bool:
        stopped.extend(arena.projectors.stopped_by_themselves())
        return len(stopped) == wanted

    until(all_stopped, lambda: f"a stop; the projectors say {arena.projectors.last_words()}", seconds=20)
    for process in stopped:
        if process.status != 1 or _CURE not in process.said or "Traceback" in process.said:
            raise AssertionError(f"a stop with status {process.status}, without {_CURE!r}: {process.said}")


def _recover(arena: Arena) -> None:
    """Nothing has stopped, and the archive has what the server no longer knows."""
    arena.wait_for_progress()
    answer = arena.rebuild()
    if answer.status:
        raise AssertionError(f"{_CURE} ended with {answer.status}: {answer.text}")


def _mend(arena: Arena) -> None:
    answer = arena.rebuild()
    if answer.status == 1 and _ACCEPT in answer.text:  # entries are lost, and a second command accepts that
        answer = arena.rebuild(_ACCEPT, "a vandal")
    if answer.status:
        raise AssertionError(f"{_CURE} ended with {answer.status}: {answer.text}")
    arena.projectors.start()
