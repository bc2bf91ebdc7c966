"""The checkpoint, the log's and the lease's state made into a Status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from projector.keys import Keys
from projector.query.damage import damaged
from projector.query.results import Status
from projector.query.statistics import count_in, text_in

__all__ = ["status_of"]


def status_of(
    keys: Keys,
    checkpoint: Mapping[bytes, bytes],
    log: Mapping[bytes | str, Any] | None,
    wal_length: int,
    lease: tuple[bytes | None, int],
    in_flight: int,
    orphans: int,
) -> Status:
    """From the checkpoint's hash, XINFO STREAM's reply (None: no log), the lease's token and PTTL, and counts."""
    get = checkpoint.get
    token, ttl = lease
    try:
        entries = count_in(get(b"entries"))
        return Status(
            namespace=keys.namespace,
            checkpoint=text_in(get(b"last_id")),
            entries=entries,
            wal_length=wal_length,
            lag=_lag(log, entries),
            lease_holder=None if token is None else token.decode(errors="replace"),
            lease_ttl_ms=None if token is None or ttl < 0 else ttl,
            in_flight=in_flight,
            orphans=orphans,
            quarantined=count_in(get(b"quarantined")),
            duplicates=count_in(get(b"duplicates")),
            missing=count_in(get(b"missing")),
            trimmed=count_in(get(b"trimmed")),
            in_flight_replaced=count_in(get(b"in_flight_replaced")),
            in_flight_evicted=count_in(get(b"in_flight_evicted")),
            actions_evicted=count_in(get(b"actions_evicted")),
            schema=text_in(get(b"schema")),
            config=_object(get(b"config")),
            torn=b"torn" in checkpoint,
        )
    except ValueError as error:
        raise damaged(keys.checkpoint, "no checkpoint") from error


def _lag(log: Mapping[bytes | str, Any] | None, entries: int) -> int | None:
    if log is None:
        return 0
    # Whether names are text depends on the kind of client; a server older than 7.0 does not tell.
    added = log.get("entries-added", log.get(b"entries-added"))
    if added is None or added < entries:  # fewer than were read: this is another log than the checkpoint's
        return None
    return int(added) - entries


def _object(raw: bytes | None) -> Mapping[str, object] | None:
    if raw is None:
        return None
    found = orjson.loads(raw)
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return found
