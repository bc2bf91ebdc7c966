"""Reading from the server: many keys at one instant, or very many fast. Nothing here writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hiredis import pack_command
from redis import Redis
from redis.cluster import RedisCluster
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import ExecAbortError, OutOfMemoryError, ResponseError

from producer.connection.client import Client, RedisError, is_refusal
from projector.connection import is_wrong_type, translated, translation_of
from projector.instant import Command, eval_of
from projector.query.damage import wrong_type

__all__ = ["read_at_one_instant", "read_in_bulk"]

_T = TypeVar("_T")


def read_at_one_instant(client: Client, *commands: Command) -> list[Any]:
    """The replies to `commands`, all from one instant: a MULTI, or with memory full a script. XINFO STREAM of an
    absent key replies None.

    Raises ServerUnavailable, ServerRefused, or Damaged for a key of another type.
    """
    replies = _twice(client, lambda: _in_multi(client, commands))
    return [_answer(reply, command, client) for reply, command in zip(replies, commands, strict=True)]


def read_in_bulk(client: Client, name: str, keys: Sequence[bytes], *arguments: bytes) -> list[Any]:
    """The replies to one command for each of `keys`, each from an instant of its own; raises as above."""
    commands: list[Command] = [(name, key, *arguments) for key in keys]
    if isinstance(client, RedisCluster):
        replies = _twice(client, lambda: _pipelined(client, commands, transaction=False))
    else:
        replies = _twice(client, lambda: _streamed(client, commands))
    return [_answer(reply, command, client) for reply, command in zip(replies, commands, strict=True)]


def _twice(client: Client, read: Callable[[], _T]) -> _T:
    """Reading again does no harm, and helps where a pooled connection has ended since it was used last."""
    with translated(client):
        try:
            return read()
        except Disconnected as error:
            if is_refusal(error):
                raise
            return read()


def _in_multi(client: Client, commands: Sequence[Command]) -> list[Any]:
    try:
        return _pipelined(client, commands, transaction=True)
    except (OutOfMemoryError, ExecAbortError) as error:
        if "OOM" not in str(error) and not isinstance(error, OutOfMemoryError):
            raise
        replies: list[Any] = client.execute_command(*eval_of(commands))  # type: ignore[no-untyped-call]
        return replies


def _pipelined(client: Client, commands: Sequence[Command], *, transaction: bool) -> list[Any]:
    with client.pipeline(transaction=transaction) as pipeline:
        for command in commands:
            pipeline.execute_command(*command)
        replies: list[Any] = pipeline.execute(raise_on_error=False)
    return replies


def _streamed(client: Redis, commands: Sequence[Command]) -> list[Any]:
    """What a pipeline does, in two thirds of its time: it packs each argument of each command in Python."""
    pool = client.connection_pool
    connection = pool.get_connection()
    try:
        # hiredis's stub means any number of arguments, and says one.
        packed = [pack_command(command) for command in commands]  # type: ignore[arg-type]
        connection.send_packed_command([b"".join(packed)])
        return [_reply(connection) for _ in commands]
    except BaseException:
        connection.disconnect()  # what was not read must not answer the next command
        raise
    finally:
        pool.release(connection)


def _reply(connection: Any) -> Any:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error


def _answer(reply: Any, command: Command, client: Client) -> Any:
    """The reply, if it is one: of the errors only that a log does not exist."""
    name, key = command[:2]
    if not isinstance(reply, RedisError):
        return _mapping(reply) if name in ("HGETALL", "XINFO STREAM") else reply
    if name == "XINFO STREAM" and "no such key" in str(reply).lower():
        return None
    if is_wrong_type(reply):
        raise wrong_type(key) from reply
    raise translation_of(reply, client) from reply


def _mapping(reply: Any) -> dict[Any, Any]:
    """Names and values; whether as a list or a dictionary, depends on the protocol and on the kind of client."""
    return reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))
