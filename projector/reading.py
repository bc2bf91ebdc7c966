"""Reading the server: many keys at one instant, or very many fast. Nothing here writes.

Each function asks the node that has `key`, and raises a RedisError if a connection fails. Where the server refused a
single command, its error stands in the reply's place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any, TypeVar

from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError

from producer.connection.client import Client, is_refusal
from producer.connection.wire import Wire, pairs_of

Command = tuple[str, bytes, *tuple[bytes | str | int, ...]]
"""A command's name (of several words, if so), its key, and what else it takes."""

_T = TypeVar("_T")


def at_one_instant(client: Client, key: bytes, commands: Sequence[Command]) -> list[Any]:
    """The replies to `commands`, all from one instant: by a MULTI, or by a script while memory is full."""
    replies = _twice(client, key, lambda wire: _in_multi(wire, commands))
    return [_shaped(reply, command) for reply, command in zip(replies, commands, strict=True)]


def at_one_instant_by_script(client: Client, key: bytes, commands: Sequence[Command]) -> list[Any]:
    """The same for an account that has no right to MULTI."""
    replies = _twice(client, key, lambda wire: _in_script(wire, commands))
    return [_shaped(reply, command) for reply, command in zip(replies, commands, strict=True)]


def each(client: Client, key: bytes, commands: Sequence[Command]) -> list[Any]:
    """The replies to `commands`, each from an instant of its own."""
    words = [_words(command) for command in commands]
    replies = _twice(client, key, lambda wire: wire.ask(words)) if words else []
    return [_shaped(reply, command) for reply, command in zip(replies, commands, strict=True)]


def scan(call: Callable[..., Any], pattern: bytes) -> list[bytes]:
    """Every key like `pattern`, sorted; `call` sends one command."""
    found: set[bytes] = set()
    cursor: bytes | int = 0
    while True:
        cursor, page = call("SCAN", cursor, "MATCH", pattern, "COUNT", 1000)
        found.update(page)
        if int(cursor) == 0:
            return sorted(found)


def _twice(client: Client, key: bytes, read: Callable[[Wire], _T]) -> _T:
    """Reading again does no harm, and helps where a pooled connection has ended since it was used last."""
    try:
        with Wire(client, key) as wire:
            return read(wire)
    except Disconnected as error:
        if is_refusal(error):
            raise
        with Wire(client, key) as wire:
            return read(wire)


def _in_multi(wire: Wire, commands: Sequence[Command]) -> list[Any]:
    *queued, replies = wire.ask([("MULTI",), *map(_words, commands), ("EXEC",)])
    if isinstance(replies, ResponseError):
        refusal = next((reply for reply in queued if isinstance(reply, ResponseError)), replies)
        if not isinstance(refusal, OutOfMemoryError):
            raise refusal
        # With memory full the server queues no command, not even a read, but it runs a script that only reads.
        return _in_script(wire, commands)
    found: list[Any] = replies
    return found


def _in_script(wire: Wire, commands: Sequence[Command]) -> list[Any]:
    """By EVAL_RO of instant.lua, whose header tells its arguments."""
    script = files("projector").joinpath("instant.lua").read_bytes()
    arguments: list[bytes | str | int] = []
    for name, _, *rest in commands:
        words = name.split()
        arguments += (len(words), *words, len(rest), *rest)
    wire.send([("EVAL_RO", script, len(commands), *(key for _, key, *_ in commands), *arguments)])
    found: list[Any] = wire.read()
    return found


def _words(command: Command) -> tuple[Any, ...]:
    name, *rest = command
    return (*name.split(), *rest) if " " in name else command


def _shaped(reply: Any, command: Command) -> Any:
    """The reply as every protocol would have it; None for facts about a key that is not there."""
    name = command[0]
    if isinstance(reply, RedisError):
        return None if name.startswith("XINFO") and "no such key" in str(reply).lower() else reply
    if name in ("HGETALL", "XINFO STREAM", "CONFIG GET") or command[-1] == "WITHSCORES":
        return pairs_of(reply)
    if name in ("XINFO GROUPS", "XINFO CONSUMERS"):
        return [pairs_of(item) for item in reply]
    return reply
