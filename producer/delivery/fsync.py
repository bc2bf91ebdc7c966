"""Whether a server can sync an operation to its disk when asked: asked before anything is written."""

from __future__ import annotations

from redis.exceptions import ResponseError

from producer.connection.client import is_refusal
from producer.connection.wire import Wire
from producer.errors import UnusableServer

_PROBE = ("WAITAOF", 1, 0, 1)
"""On a connection that has written nothing the server answers at once, or says why it never would."""


def prove_fsync(wire: Wire, place: str, *, seconds: float) -> None:
    """Raises UnusableServer if the server at `place` has no WAITAOF or no AOF; RedisError for other trouble."""
    wire.send([_PROBE])
    try:
        wire.read(seconds)
    except ResponseError as error:
        if not is_refusal(error):
            raise
        text = str(error)
        if "unknown command" in text.lower():
            text = "it has no WAITAOF, which came with Redis 7.2"
        elif "appendonly" in text:
            text = "its AOF is off: CONFIG SET appendonly yes"
        raise UnusableServer(f"fsync=True cannot be had of {place}: {text}") from error
