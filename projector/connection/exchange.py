"""How keys are read, without a connection: what is sent, step by step, and what the replies mean.

An exchange is a generator: it yields lists of commands and is sent the lists of their replies, in which errors of the
server stand in a reply's place. So the reader and its sibling of asyncio read in the same way.
"""

from collections.abc import Awaitable, Callable, Generator, Sequence
from importlib.resources import files
from typing import Any, TypeVar

from redis.exceptions import OutOfMemoryError, RedisError, ResponseError

from producer.connection.wire import pairs_of
from producer.errors import WalError
from projector.connection.translation import is_wrong_type
from projector.errors import Damaged, repair_of, text_of

Command = tuple[str, bytes, *tuple[bytes | str | int, ...]]
"""A command's name (of several words, if so), its key, and what else it takes."""

Exchange = Generator[list[tuple[Any, ...]], Any, list[Any]]

_A = TypeVar("_A")
_T = TypeVar("_T")
_CHUNK = 1000
"""How many commands are sent before their replies are read."""


def drive(dialogue: Generator[_A, Any, _T], answer: Callable[[_A], Any]) -> _T:
    """What `dialogue` returns when each thing that it yields is given its `answer`, or the WalError of that."""

    async def answered(asked: _A) -> Any:
        return answer(asked)

    try:
        drive_async(dialogue, answered).send(None)
    except StopIteration as end:
        found: _T = end.value
        return found
    raise AssertionError("nothing in there waits")


async def drive_async(dialogue: Generator[_A, Any, _T], answer: Callable[[_A], Awaitable[Any]]) -> _T:
    """The same with answers that are awaited."""
    try:
        asked = next(dialogue)
        while True:
            try:
                reply = await answer(asked)
            except WalError as error:
                asked = dialogue.throw(error)
            else:
                asked = dialogue.send(reply)
    except StopIteration as end:
        found: _T = end.value
        return found


def one_by_one(commands: Sequence[Command]) -> Exchange:
    found: list[Any] = []
    for at in range(0, len(commands), _CHUNK):
        found += yield [_words(command) for command in commands[at : at + _CHUNK]]
    return found


def in_multi(commands: Sequence[Command]) -> Exchange:
    *queued, replies = yield [("MULTI",), *map(_words, commands), ("EXEC",)]
    if isinstance(replies, ResponseError):
        refusal = next((reply for reply in queued if isinstance(reply, ResponseError)), replies)
        if not isinstance(refusal, OutOfMemoryError):
            raise refusal
        # With memory full the server queues no command, not even a read, but it runs a script that only reads.
        return (yield from in_script(commands))
    found: list[Any] = replies
    return found


def in_script(commands: Sequence[Command]) -> Exchange:
    """By EVAL_RO of instant.lua, whose header tells its arguments."""
    script = files("projector.connection").joinpath("instant.lua").read_bytes()
    keys = [key for _, key, *_ in commands]
    arguments = [word for words in map(_words, commands) for word in (len(words), *words)]
    (reply,) = yield [("EVAL_RO", script, len(keys), *keys, *arguments)]
    if isinstance(reply, RedisError):
        raise reply
    found: list[Any] = reply
    return found


def meaning_of(reply: Any, command: Command) -> Any:
    """`reply` as every protocol would have it; raises the server's error, or Damaged for a key of another type."""
    name = command[0]
    if is_wrong_type(reply):
        key = next(word for word in command if isinstance(word, bytes))
        raise Damaged(f"{text_of(key)} holds another type than the projection's: {repair_of(key)}") from reply
    if isinstance(reply, RedisError):
        if name.startswith("XINFO") and "no such key" in str(reply).lower():
            return None
        raise reply
    if name in ("HGETALL", "XINFO STREAM", "CONFIG GET") or command[-1] == "WITHSCORES":
        return pairs_of(reply)
    if name in ("XINFO GROUPS", "XINFO CONSUMERS"):
        return [pairs_of(item) for item in reply]
    return reply


def _words(command: Command) -> tuple[Any, ...]:
    name, *rest = command
    return (*name.split(), *rest) if " " in name else command
