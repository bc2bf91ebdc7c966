"""How much memory a namespace takes, by what the server reckons of its keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from projector.connection.exchange import Command
from projector.errors import ServerRefused
from projector.keys import Keys
from projector.query.parsing import name_in
from projector.query.questions.question import AtOneInstant, Each, Question

_SAMPLES = 5
"""Values of a key that the server looks at."""
_LOOKED_AT = 10
"""Actions, scanners and hours that are looked at to know what all take."""
_DAY_MS = 86_400_000


def memory(keys: Keys) -> Question[int | None]:
    """Bytes of the log and of the projection; None without the right to MEMORY USAGE.

    Of actions, scanners and hours those that changed last stand for all. Not counted are heartbeats, a shadow, and
    rollups of days before those of which there are hours.
    """
    names: dict[bytes, Callable[[str], Iterable[bytes]]] = {
        keys.actions: keys.of_action,
        keys.scanners: lambda name: [keys.scanner(name)],
    }
    ranges = [("ZREVRANGE", key, 0, _LOOKED_AT - 1) for key in names]
    *samples, actions, scanners, hours = yield AtOneInstant(
        *ranges, ("ZCARD", keys.actions), ("ZCARD", keys.scanners), ("HKEYS", keys.history_hours)
    )
    starts = sorted((int(hour) for hour in hours if hour.isdigit()), reverse=True)
    days = sorted({start - start % _DAY_MS for start in starts}, reverse=True)
    groups: list[tuple[int, int, list[bytes]]] = [(1, 1, [keys.wal, keys.checkpoint, *keys.fixed])]
    for (key, keys_of), members, count in zip(names.items(), samples, (actions, scanners), strict=True):
        found = [each for member in members for each in keys_of(name_in(member, key))]
        groups.append((count, len(members), found))
    for moments, key_of in ((starts, keys.history_hour), (days, keys.history_day)):
        looked_at = moments[:_LOOKED_AT]
        groups.append((len(moments), len(looked_at), [key_of(moment) for moment in looked_at]))
    commands: list[Command] = [
        ("MEMORY USAGE", key, "SAMPLES", _SAMPLES) for _, _, of_group in groups for key in of_group
    ]
    try:
        replies: Sequence[int | None] = yield Each(*commands)
    except ServerRefused:  # by the rights of an account that need not have this one
        return None
    bytes_of = iter(replies)
    total = 0
    for count, sample, of_group in groups:
        taken = sum(next(bytes_of) or 0 for _ in of_group)
        total += taken * count // sample if sample else 0
    return total
