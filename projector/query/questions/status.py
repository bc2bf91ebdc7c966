"""Where the projection stands: checkpoint, log and lease; and which namespaces there are."""

import time
from dataclasses import fields

import orjson

from producer.log import LogFacts
from producer.wal import namespace_of
from projector.checkpoint import Checkpoint
from projector.connection.reader import scan
from projector.errors import ServerRefused, damaged
from projector.keys import Keys
from projector.namespaces.finding import CallOf, each_master
from projector.query.questions.question import AtOneInstant, Blocking, Question
from projector.query.results import Status
from projector.retention.room import room_seconds

_COUNTS = {field.name for field in fields(Checkpoint) if field.type == "int"} & {
    field.name for field in fields(Status)
}
"""What a Status takes from the checkpoint as it is."""


def status(keys: Keys, *, room: bool) -> Question[Status]:
    """Raises Damaged for a checkpoint that no projector has written."""
    checkpoint, log, token, ttl, in_flight, orphans, kept = yield AtOneInstant(
        ("HGETALL", keys.checkpoint),
        ("XINFO STREAM", keys.wal),
        ("GET", keys.lease),
        ("PTTL", keys.lease),
        ("HLEN", keys.in_flight),
        ("HLEN", keys.orphans),
        ("EXISTS", keys.totals, *keys.fixed),
    )
    stands = Checkpoint.of_hash(checkpoint, keys.checkpoint) or Checkpoint()
    facts = None if log is None else LogFacts.of_reply(log)
    try:
        return Status(
            namespace=keys.namespace,
            checkpoint=stands.last_id or None,
            wal_length=facts.length if facts else 0,
            # Without a checkpoint nobody knows how many entries the projection has.
            lag=None if kept and not checkpoint else _lag(facts, stands.entries),
            lease_holder=None if token is None else token.decode(errors="replace"),
            lease_ttl_ms=None if token is None or ttl < 0 else ttl,
            in_flight=in_flight,
            orphans=orphans,
            schema=stands.schema or None,
            config=orjson.loads(stands.config or "null"),
            torn=stands.torn is not None,
            archive_head=stands.archive_head or None,
            archive_last_id=stands.archive_last_id or None,
            room_seconds=(yield from _room_seconds(keys, facts, stands)) if room else None,
            **{name: getattr(stands, name) for name in _COUNTS},
        )
    except ValueError as error:
        raise damaged(keys.checkpoint, "a configuration that is none") from error


def _room_seconds(keys: Keys, log: LogFacts | None, stands: Checkpoint) -> Question[int | None]:
    trimmed = stands.trimmed > 0
    try:
        found: int | None = yield Blocking(lambda call: room_seconds(call, keys.namespace, log, trimmed=trimmed))
        return found
    except ServerRefused:  # by the rights of an account that need not have this one
        return None


def _lag(log: LogFacts | None, entries: int) -> int | None:
    if log is None:
        return 0
    if log.added is None or log.added < entries:  # fewer than were read: this is another log than the checkpoint's
        return None
    return log.added - entries


def namespaces(call_of: CallOf, seconds: float) -> list[str]:
    """Those that have a log, on whichever master, as far as a search of `seconds` goes. None if this account has no
    right to SCAN."""
    end = time.monotonic() + seconds
    found: set[bytes] = set()
    try:
        for call in each_master(call_of):
            found.update(scan(call, b"{*}:wal", seconds=end - time.monotonic()))
    except ServerRefused:
        return []
    return sorted(name for key in found if (name := namespace_of(key)) is not None)
