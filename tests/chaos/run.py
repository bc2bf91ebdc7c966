"""A run: rounds of faults and of vandals in turn until the time is over, and the figures of them all."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.faults import Fault
from tests.chaos.ground.arena import Arena
from tests.chaos.ground.cluster_arena import ClusterArena
from tests.chaos.history.figures import Figures
from tests.chaos.round import Outcome, play_faults, play_vandals
from tests.chaos.strikers import Tell
from tests.chaos.vandals import Vandal
from tests.chaos.writers.way import ON_A_CLUSTER, ON_ONE_SERVER

__all__ = ["Run"]

ROUND_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Run:
    """What strikes; each round has a seed of its own, by which it alone can be repeated."""

    seed: int
    faults: Sequence[Fault]
    vandals: Sequence[Vandal]
    tell: Tell
    cluster: bool = False

    def play(self, seconds: float, *, first_round: int = 0) -> bool:
        """Whether the promise held."""
        figures = Figures()
        began = time.monotonic()
        number = first_round
        while (left := seconds - (time.monotonic() - began)) > 0:
            self.tell(f"== round {number}: --seed {self.seed} --round {number}")
            outcome = self._round(number, min(ROUND_SECONDS, max(left, 5.0)))
            figures.add(outcome.figures)
            if outcome.violations:
                self._tell_violations(outcome.violations, number)
                return False
            self.tell(f"round {number}: {outcome.figures.counted} operations counted, each once, none lost")
            number += 1
        self.tell(f"\nseed {self.seed}, {number - first_round} rounds, {time.monotonic() - began:.0f} s")
        self.tell(figures.report() + "lost within their durability: 0; counted twice: 0")
        return True

    def _round(self, number: int, seconds: float) -> Outcome:
        """Every third round is the vandals', if there are both; the log is synced always or every second in turn.

        Every fourth round is without an archive.
        """
        seed = f"{self.seed}.{number}"
        of_vandals = not self.faults or (bool(self.vandals) and number % 3 == 2)
        appendfsync, archives = "always" if number % 3 == 1 else "everysec", number % 4 != 3
        with tempfile.TemporaryDirectory(prefix="chaos-") as directory:
            arena = Path(directory) / "arena"
            if self.cluster:
                here: Arena = ClusterArena(
                    arena, seed, producers=ON_A_CLUSTER, projectors=2, pace=0.01, archives=archives
                )
            elif of_vandals:
                return play_vandals(arena, seed, self.vandals, self.tell, archives=archives)
            else:
                here = Arena(
                    arena,
                    seed,
                    producers=ON_ONE_SERVER,
                    projectors=2,
                    appendfsync=appendfsync,
                    archives=archives,
                )
            return play_faults(here, seed, seconds, self.faults, self.tell)

    def _tell_violations(self, violations: list[str], number: int) -> None:
        self.tell("VIOLATED:\n" + "\n".join(violations))
        where = "--cluster " if self.cluster else ""
        how = f"--seed {self.seed} --round {number} --seconds {ROUND_SECONDS:.0f}"
        self.tell(f"repeat with: python -m tests.chaos {where}{how}")
