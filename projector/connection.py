"""redis-py's errors turned into the projector's, in one place; clients come from `producer.connection.client`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis.exceptions import RedisClusterException, RedisError

from producer.connection.client import Client, is_refusal, reason_of
from projector.errors import Damaged, ProjectorError, ServerRefused, ServerUnavailable


@contextmanager
def translated(client: Client) -> Iterator[None]:
    """Turn redis-py's errors in the block into ServerUnavailable, ServerRefused or Damaged, which name the server's
    address and never a password; redis-py's error is the cause."""
    try:
        yield
    except RedisError as error:
        raise translation_of(error, client) from error
    except (RedisClusterException, OSError, UnicodeError) as error:
        # redis-py lets these through: no node of a cluster answers, a socket fails, or socket.getaddrinfo refuses the
        # name of a host because IDNA cannot encode it.
        raise ServerUnavailable(reason_of(error, client)) from error


def translation_of(error: RedisError, client: Client) -> ProjectorError:
    """The projector's error for one of redis-py's."""
    reason = reason_of(error, client)
    if is_wrong_type(error):
        return Damaged(f"a key holds another type than the projection's: {reason}; mend it with: projector rebuild")
    return ServerRefused(reason) if is_refusal(error) else ServerUnavailable(reason)


def given(reply: Any, client: Client) -> Any:
    """`reply`, unless it is the server's error, which is raised as `translated` does."""
    if isinstance(reply, RedisError):
        raise translation_of(reply, client) from reply
    return reply


def is_wrong_type(error: object) -> bool:
    """Whether the server found a key of another type than the command is for."""
    # `in`, because in a pipeline redis-py writes the number and name of the command before the text.
    return isinstance(error, RedisError) and "WRONGTYPE" in str(error)
