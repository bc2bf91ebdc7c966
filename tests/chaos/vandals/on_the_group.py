"""Who meddles with the consumer group: the log is whole, so the history is right in the end without any help."""

from __future__ import annotations

from typing import Any, ClassVar

from tests.chaos.ground.arena import Arena
from tests.chaos.vandals.vandal import Vandal

__all__ = ["GROUP_VANDALS"]

_GROUP = "projector"


class _GroupCommand(Vandal):
    """Sends one XGROUP command while entries are waiting."""

    stops = False
    command: ClassVar[tuple[str, ...]]

    def strike(self, arena: Arena) -> None:
        with arena.backlog():
            arena.client.execute_command("XGROUP", self.command[0], arena.key("wal"), _GROUP, *self.command[1:])


class _Destroys(_GroupCommand):
    name = "XGROUP DESTROY"
    command = ("DESTROY",)


class _SetsBack(_GroupCommand):
    name = "XGROUP SETID backwards"
    command = ("SETID", "0")


class _SetsToTheEnd(_GroupCommand):
    name = "XGROUP SETID to $"
    command = ("SETID", "$")


class _SetsForwards(Vandal):
    name = "XGROUP SETID forwards"
    stops = False

    def strike(self, arena: Arena) -> None:
        with arena.backlog():
            last_id: Any = arena.client.hget(arena.key("checkpoint"), "last_id")
            waiting: Any = arena.client.xrange(arena.key("wal"), b"(" + last_id, "+", count=3)
            arena.client.xgroup_setid(arena.key("wal"), _GROUP, waiting[-1][0])


class _Reads(Vandal):
    """Takes entries out of the group, as a second consumer would."""

    stops = False
    acknowledges: ClassVar[bool] = False
    options: ClassVar[tuple[str, ...]] = ()

    def strike(self, arena: Arena) -> None:
        wal = arena.key("wal")
        with arena.backlog():
            reply: Any = arena.client.execute_command(
                "XREADGROUP", "GROUP", _GROUP, "vandal", "COUNT", 3, *self.options, "STREAMS", wal, ">"
            )
            if self.acknowledges and reply:
                arena.client.xack(wal, _GROUP, *[entry_id for entry_id, _ in reply[0][1]])


class _ReadsWithoutPending(_Reads):
    name = "foreign consumer reading with NOACK"
    options = ("NOACK",)


class _ReadsAndKeepsPending(_Reads):
    name = "foreign consumer reading"


class _ReadsAndAcknowledges(_Reads):
    name = "foreign consumer reading, with XACK"
    acknowledges = True


class _DeletesConsumers(Vandal):
    name = "XGROUP DELCONSUMER"
    stops = False

    def strike(self, arena: Arena) -> None:
        with arena.backlog():
            consumers: Any = arena.client.xinfo_consumers(arena.key("wal"), _GROUP)
            for consumer in consumers:
                arena.client.xgroup_delconsumer(arena.key("wal"), _GROUP, consumer["name"])


GROUP_VANDALS: tuple[Vandal, ...] = (
    _Destroys(),
    _SetsForwards(),
    _SetsBack(),
    _SetsToTheEnd(),
    _ReadsWithoutPending(),
    _ReadsAndKeepsPending(),
    _ReadsAndAcknowledges(),
    _DeletesConsumers(),
)
