"""What a verification found, put on record beside the projection for those who look at it later."""

from contextlib import suppress
from dataclasses import asdict

import orjson
from redis.exceptions import RedisError

from producer.connection.client import Client, using_client
from producer.connection.wire import Wire, clock_of
from projector.keys import Keys
from projector.query.results import LastVerified
from projector.verification.verification import Verification


def record(url_or_client: str | Client | None, namespace: str, outcome: Verification, *, by: str) -> None:
    """Note the `outcome`, if the server lets this account write: a reader's may not, nor may anybody while memory is
    full or at a replica. Nothing is lost then but the note."""
    key = Keys(namespace).verified
    with using_client(url_or_client, namespace) as client, suppress(RedisError), Wire(client, key) as wire:
        (now,) = wire.ask([("TIME",)])
        if isinstance(now, RedisError):
            return
        found = LastVerified(
            at=clock_of(now),
            entry_id=outcome.at or "0-0",
            entries=outcome.entries,
            identical=outcome.identical,
            moved=outcome.moved,
            by=by,
        )
        wire.ask([("SET", key, orjson.dumps(asdict(found)))])
