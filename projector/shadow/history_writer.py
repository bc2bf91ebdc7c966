"""Writes a whole history to the keys of a shadow, which nobody reads meanwhile."""

from collections.abc import Iterator
from itertools import chain
from typing import Any, cast

from projector.commit.link import Link
from projector.fold.history import History
from projector.fold.rendering import Rendered, render
from projector.keys import Keys

_VALUES = 100
"""Of one command, so that the server answers others in between."""
_COMMANDS = 100
"""Sent before their replies are read."""


def write_history(link: Link, keys: Keys, history: History) -> None:
    """Write the projection of `history`, which is whole in memory, under `keys`, of which none exists.

    The checkpoint comes last: without it a projection counts as not there.
    """
    checkpoint: list[tuple[Any, ...]] = []
    under_way = 0
    for rendered in render(history, keys):
        for command in _commands(rendered):
            if rendered.key == keys.checkpoint:
                checkpoint.append(command)
                continue
            link.request(lambda _reply: None, *command)
            under_way += 1
            if under_way % _COMMANDS == 0:
                link.settle()
    link.settle()
    link.call_all(checkpoint)


def _commands(rendered: Rendered) -> Iterator[tuple[Any, ...]]:
    key, content = rendered.key, cast(Any, rendered.content)
    match rendered.kind:
        case "stream":
            yield from (("XADD", key, entry_id, *fields) for entry_id, fields in content)
            return
        case "list":
            name, values = "RPUSH", content
        case "hash":
            name, values = "HSET", [*chain.from_iterable(content.items())]
        case "zset":
            name, values = "ZADD", [*chain.from_iterable((score, member) for member, score in content.items())]
    yield from ((name, key, *values[at : at + _VALUES]) for at in range(0, len(values), _VALUES))
