"""redis-py's errors turned into the projector's, in one place; clients come from `producer.connection.client`."""

from redis.exceptions import RedisError

from producer.connection.client import AsyncClient, Client, is_refusal, reason_of
from producer.wal import DEFAULT_NAMESPACE, namespace_of
from projector.errors import Damaged, ProjectorError, ServerRefused, ServerUnavailable, command_for


def translation_of(error: RedisError, client: Client | AsyncClient, log: bytes) -> ProjectorError:
    """The projector's error for one of redis-py's: names the address, never a password. `log` is its key."""
    reason = reason_of(error, client)
    if is_wrong_type(error):
        rebuild = command_for(namespace_of(log) or DEFAULT_NAMESPACE, "rebuild")
        return Damaged(f"a key holds another type than the projection's: {reason}; repair it with: {rebuild}")
    return ServerRefused(reason) if is_refusal(error) else ServerUnavailable(reason)


def is_wrong_type(error: object) -> bool:
    """Whether the server found a key of another type than the command is for."""
    return isinstance(error, RedisError) and str(error).startswith("WRONGTYPE")
