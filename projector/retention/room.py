"""The room: how long the server's memory lasts, if entries come at the rate of the newest ones."""

import logging
import time
from collections.abc import Callable
from contextlib import suppress

from producer.connection.wire import clock_of
from producer.log import Call, Log, LogFacts
from projector.entry_id import milliseconds_of
from projector.errors import ServerRefused

DAY_SECONDS = 86_400

_FEW, _MANY = 20, 1000
_READ_BYTES = 1 << 20
"""How much of the log is read to know the rate, about."""
_SHORTEST_MS = 100
"""Entries of one batch have the same time: they are taken to have come in so long at least."""
_OVERHEAD = 20
"""Bytes of memory that an entry takes beside its values: measured."""
_PAUSE_SECONDS = 60.0


def room_seconds(call: Call, namespace: str, log: LogFacts | None, *, trimmed: bool) -> int | None:
    """Seconds until `maxmemory` is reached at the present rate; None without a limit, or if nothing grows.

    `call` sends a command and gives its reply. If the log was ever `trimmed`, as much is taken to go as comes on the
    average of the entries that are there, so that only a rate above that average fills the memory.
    """
    told = call("INFO", "memory").decode("utf-8", "replace").splitlines()
    memory = dict(line.split(":", 1) for line in told if ":" in line)
    limit, used = int(memory.get("maxmemory", 0)), int(memory.get("used_memory", 0))
    if not limit or log is None or log.first_id is None:
        return None
    if used >= limit:
        return 0
    few = Log(call, namespace).newest(_FEW)
    size = sum(_OVERHEAD + sum(map(len, fields[1::2])) for _, fields in few) / len(few)
    count = min(_MANY, int(_READ_BYTES / size))
    newest = Log(call, namespace).newest(count) if count > _FEW else few
    now = clock_of(call("TIME"))
    per_ms = len(newest) / max(_SHORTEST_MS, now - milliseconds_of(newest[-1][0].decode()))
    if trimmed:
        per_ms -= log.length / max(_SHORTEST_MS, now - milliseconds_of(log.first_id))
    return int((limit - used) / size / per_ms / 1000) if per_ms > 0 else None


def room_in_words(seconds: int) -> str:
    """`the memory lasts for 5 hours at this rate`."""
    hours = seconds // 3600
    span = f"{hours // 24:,} days" if hours >= 48 else f"{hours} hours" if hours >= 2 else f"{seconds // 60} min"
    return f"the memory lasts for {span} at this rate" if seconds else "the memory is full"


class RoomWatch:
    """Logs once when the memory lasts for less than a day, and when it lasts for longer again."""

    def __init__(self, namespace: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._namespace = namespace
        self._monotonic = monotonic
        self._next_look = 0.0
        self._scarce = False
        self._log = logging.getLogger("projector")

    def look(self, call: Call, *, trims: bool) -> None:
        """Look, if it is time. An account without the right to ask is not told."""
        if self._monotonic() < self._next_look:
            return
        self._next_look = self._monotonic() + _PAUSE_SECONDS
        with suppress(ServerRefused):
            seconds = room_seconds(call, self._namespace, Log(call, self._namespace).facts(), trimmed=trims)
            scarce = seconds is not None and seconds < DAY_SECONDS
            if scarce and not self._scarce:
                advice = "raise maxmemory, or keep less of the log: --retain, --retain-entries"
                self._log.warning("%s: %s", room_in_words(seconds or 0), advice)
            elif self._scarce and not scarce:
                self._log.info("the memory lasts for more than a day again")
            self._scarce = scarce
