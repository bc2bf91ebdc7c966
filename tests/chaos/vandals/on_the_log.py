"""Who deletes, trims or replaces the log: what is gone shows as missing, and a rebuild projects what is there."""

from __future__ import annotations

from typing import Any

from tests.chaos.ground.arena import Arena
from tests.chaos.vandals.vandal import Vandal

__all__ = ["LOG_VANDALS"]

_OPERATION = (
    '{"type":"action_execution_completed","action_id":"action-0","execution_id":"vandal","success":true,'
    '"duration_ms":1,"completed_at":1790000000000}'
)
_DELETE_AT_CHECKPOINT = "return redis.call('XDEL', KEYS[1], redis.call('HGET', KEYS[2], 'last_id'))"
_DELETE_AFTER_CHECKPOINT = """
local waiting = redis.call('XRANGE', KEYS[1], '(' .. redis.call('HGET', KEYS[2], 'last_id'), '+', 'COUNT', 2)
return redis.call('XDEL', KEYS[1], waiting[2][1])
"""


class _DeletesAbove(Vandal):
    name = "XDEL above the checkpoint"
    stops = True

    def strike(self, arena: Arena) -> None:
        with arena.backlog():
            arena.vandalise(_on_both(arena, _DELETE_AFTER_CHECKPOINT))


class _DeletesAt(Vandal):
    name = "XDEL at the checkpoint"
    stops = True

    def strike(self, arena: Arena) -> None:
        arena.vandalise(_on_both(arena, _DELETE_AT_CHECKPOINT))


class _DeletesBelow(Vandal):
    name = "XDEL below the checkpoint"
    stops = True

    def strike(self, arena: Arena) -> None:
        oldest: Any = arena.client.xrange(arena.key("wal"), count=1)
        arena.vandalise(("XDEL", arena.key("wal"), oldest[0][0]))


class _Trims(Vandal):
    name = "XTRIM"
    stops = True

    def strike(self, arena: Arena) -> None:
        arena.vandalise(("XTRIM", arena.key("wal"), "MAXLEN", 20))


class _AppendsWithBound(Vandal):
    name = "XADD with MAXLEN"
    stops = True

    def strike(self, arena: Arena) -> None:
        arena.vandalise(("XADD", arena.key("wal"), "MAXLEN", 20, "*", "op", _OPERATION))


class _DeletesTheLog(Vandal):
    name = "DEL of the log"
    stops = True

    def strike(self, arena: Arena) -> None:
        arena.vandalise(("DEL", arena.key("wal")))


class _ReplacesTheLog(Vandal):
    name = "log replaced by another"
    stops = True

    def strike(self, arena: Arena) -> None:
        # With an archive entries before its end would stand in a log that had them trimmed: not this log's.
        ids = ("*", "*", "*") if arena.archive else ("1-1", "2-1", "3-1")
        other = (("XADD", arena.key("other"), entry_id, "op", _OPERATION) for entry_id in ids)
        arena.vandalise(*other, ("RENAME", arena.key("other"), arena.key("wal")))


class _FlushesEverything(Vandal):
    """Nothing is left that could be wrong: the next entry is the first of a new log."""

    name = "FLUSHALL"
    stops = False
    forgets = True

    def strike(self, arena: Arena) -> None:
        arena.vandalise(("FLUSHALL",))


LOG_VANDALS: tuple[Vandal, ...] = (
    _DeletesAbove(),
    _DeletesAt(),
    _DeletesBelow(),
    _Trims(),
    _AppendsWithBound(),
    _DeletesTheLog(),
    _ReplacesTheLog(),
    _FlushesEverything(),
)


def _on_both(arena: Arena, script: str) -> tuple[str | int, ...]:
    return ("EVAL", script, 2, arena.key("wal"), arena.key("checkpoint"))
