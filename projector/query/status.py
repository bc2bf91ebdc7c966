"""A Status, made from the checkpoint, the log and the lease."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from producer.log import LogFacts
from projector.checkpoint import Checkpoint
from projector.keys import Keys
from projector.query.damage import damaged
from projector.query.results import Status


def status_of(
    keys: Keys,
    checkpoint: Mapping[bytes, bytes],
    log: Any,
    wal_length: int,
    lease: tuple[bytes | None, int],
    in_flight: int,
    orphans: int,
) -> Status:
    """From the checkpoint's hash, XINFO STREAM's reply (None: no log), the lease's token and PTTL, and counts."""
    stands = Checkpoint.of_hash(checkpoint, keys.checkpoint) or Checkpoint()
    token, ttl = lease
    try:
        return Status(
            namespace=keys.namespace,
            checkpoint=stands.last_id or None,
            entries=stands.entries,
            wal_length=wal_length,
            lag=_lag(None if log is None else LogFacts.of_reply(log), stands.entries),
            lease_holder=None if token is None else token.decode(errors="replace"),
            lease_ttl_ms=None if token is None or ttl < 0 else ttl,
            in_flight=in_flight,
            orphans=orphans,
            quarantined=stands.quarantined,
            duplicates=stands.duplicates,
            missing=stands.missing,
            trimmed=stands.trimmed,
            in_flight_replaced=stands.in_flight_replaced,
            in_flight_evicted=stands.in_flight_evicted,
            actions_evicted=stands.actions_evicted,
            schema=stands.schema or None,
            config=_object(stands.config),
            torn=stands.torn is not None,
        )
    except ValueError as error:
        raise damaged(keys.checkpoint, "a configuration that is none") from error


def _lag(log: LogFacts | None, entries: int) -> int | None:
    if log is None:
        return 0
    if log.added is None or log.added < entries:  # fewer than were read: this is another log than the checkpoint's
        return None
    return log.added - entries


def _object(raw: str) -> Mapping[str, object] | None:
    if not raw:
        return None
    found = orjson.loads(raw)
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return found
