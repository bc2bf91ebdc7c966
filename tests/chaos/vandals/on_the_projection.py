"""Who overwrites the projection: a rebuild makes it anew from the log, which is whole."""

from __future__ import annotations

from typing import ClassVar

from tests.chaos.ground.arena import Arena
from tests.chaos.vandals.vandal import Vandal

__all__ = ["PROJECTION_VANDALS"]


class _DeletesTheCheckpoint(Vandal):
    name = "DEL of the checkpoint alone"
    stops = True

    def strike(self, arena: Arena) -> None:
        arena.client.delete(arena.key("checkpoint"))


class _Overwrites(Vandal):
    """Puts a string where the projection has something else."""

    stops = True
    key: ClassVar[str]

    def strike(self, arena: Arena) -> None:
        arena.client.set(arena.key(self.key), "vandal")


class _OverwritesTheTotals(_Overwrites):
    name = "totals overwritten with another type"
    key = "totals"


class _OverwritesAList(_Overwrites):
    name = "executions overwritten with another type"
    key = "executions"


class _OverwritesAnAction(_Overwrites):
    name = "statistics of an action overwritten with another type"
    key = "action:action-0"


class _OverwritesAnActionsList(_Overwrites):
    name = "executions of an action overwritten with another type"
    key = "executions:action-1"


class _OverwritesTheCheckpoint(_Overwrites):
    name = "checkpoint overwritten with another type"
    key = "checkpoint"


class _WritesTheQuarantine(Vandal):
    """Adds an entry to the quarantine that nobody folded."""

    name = "quarantine written by hand"
    stops = True

    def strike(self, arena: Arena) -> None:
        arena.client.execute_command("XADD", arena.key("quarantine"), "*", "op", "{}", "reason", "none")


class _WritesTheQuarantineAhead(Vandal):
    """Adds an entry with an id above all that will come: the projector's own writes there are refused."""

    name = "quarantine written by hand, ahead of its time"
    stops = True

    def strike(self, arena: Arena) -> None:
        arena.client.execute_command("XADD", arena.key("quarantine"), f"{2**63}-0", "op", "{}", "reason", "none")
        arena.vandalise(("XADD", arena.key("wal"), "*", "op", "no JSON"))


PROJECTION_VANDALS: tuple[Vandal, ...] = (
    _DeletesTheCheckpoint(),
    _OverwritesTheTotals(),
    _OverwritesAList(),
    _OverwritesAnAction(),
    _OverwritesAnActionsList(),
    _OverwritesTheCheckpoint(),
    _WritesTheQuarantine(),
    _WritesTheQuarantineAhead(),
)
