"""A round: a fresh arena, faults or vandals at work in it, then peace, and the check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.chaos.damage import endure
from tests.chaos.faults import Fault
from tests.chaos.ground.arena import Arena
from tests.chaos.history.figures import Figures
from tests.chaos.schedule import Schedule
from tests.chaos.strikers import Strikers, Tell
from tests.chaos.vandals import Vandal

__all__ = ["Outcome", "play_faults", "play_vandals", "strike_all"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`violations` are sentences; none means that the promise held."""

    figures: Figures
    violations: list[str]


def play_faults(here: Arena, seed: str, seconds: float, faults: Sequence[Fault], tell: Tell) -> Outcome:
    """Let the faults of `seed` strike `here` for so long, at all places at once."""
    with ExitStack() as stack:
        arena = stack.enter_context(here)
        strikers = stack.enter_context(Strikers(arena, Schedule(seed, faults), tell))

        def strike() -> None:
            arena.wait_for_progress()
            strikers.strike(seconds)
            arena.calm()

        return _outcome(arena, strike)


def play_vandals(directory: Path, seed: str, vandals: Sequence[Vandal], tell: Tell, *, archives: bool) -> Outcome:
    """Let each of the vandals strike once, in an order of the seed's; whatever stops is repaired."""
    shuffled = list(vandals)
    Random(seed).shuffle(shuffled)
    with Arena(directory, seed, projectors=2, pace=0.01, archives=archives) as arena:

        def strike() -> None:
            for vandal in shuffled:
                tell(f"  {vandal.name}")
                endure(arena, vandal)

        return _outcome(arena, strike)


def strike_all(arena: Arena, seed: str, *faults: Fault) -> list[str]:
    """Let each of `faults` strike once, with progress after each; the violations at the end."""
    arena.wait_for_progress()
    for number, fault in enumerate(faults):
        fault.strike(arena, Random(f"{seed} {number}"))
        arena.figures.faults[fault.name] += 1
        arena.wait_for_progress()
    arena.settle()
    return arena.violations()


def _outcome(arena: Arena, strike: Callable[[], None]) -> Outcome:
    try:
        strike()
        arena.settle()
        violations = arena.violations()
    except Exception as error:  # noqa: BLE001 - a run that cannot go on is a violation, to be told with its seed
        violations = [f"{type(error).__name__}: {error}"]
    return Outcome(arena.figures, violations)
