"""Checks of those who hold the log: consumer groups, and runs whose start must stay."""

from collections.abc import Iterator
from typing import Any

from producer.text.wording import counted
from projector.doctor.case import Case
from projector.doctor.finding import Finding, ok, redis_cli, warning, wrong
from projector.entry_id import milliseconds_of
from projector.errors import text_of
from projector.keys import GROUP
from projector.retention.holds import end_of_group, end_of_run, group_in_words, run_in_words


def groups(case: Case) -> Iterator[Finding]:
    """Consumer groups that nobody uses any more, and consumers that interfere with the projector's group."""
    found: list[Finding] = []
    for group in case.reader.call("XINFO GROUPS", case.keys.wal) or ():
        consumers = case.reader.call("XINFO CONSUMERS", case.keys.wal, group[b"name"]) or []
        found += _strangers(case, consumers) if group[b"name"] == GROUP else _unread(case, group, consumers)
    yield from found or [ok("none that nobody uses")]


def _unread(case: Case, group: dict[bytes, Any], consumers: list[dict[bytes, Any]]) -> Iterator[Finding]:
    """Whether a group has not been read from, or not acknowledged what it has read, for `group_idle_ms`."""
    look, name, pending = case.first_look, text_of(group[b"name"]), group[b"pending"]
    delivered = group[b"last-delivered-id"].decode()
    # A group without consumers does not tell when it was made: not before the first entry that it can have missed.
    since = max(milliseconds_of(delivered), milliseconds_of((look.log and look.log.first_id) or "0-0"))
    idle = min((consumer[b"idle"] for consumer in consumers), default=look.now - since)
    held = case.reader.call("XPENDING", case.keys.wal, group[b"name"])[1].decode() if pending else delivered
    if idle > case.group_idle_ms:
        yield wrong(
            f"nobody uses the consumer group {name}, {pending:,} pending",
            "what it has not acknowledged is not trimmed, and what is pending takes memory",
            end_of_group(case.keys, name),
        )
    elif pending and look.now - milliseconds_of(held) > case.group_idle_ms:
        yield warning(
            group_in_words(name, held),
            "what it has not acknowledged is not trimmed",
            f"acknowledge or claim that entry; if nobody reads from it any more: {end_of_group(case.keys, name)}",
        )


def _strangers(case: Case, consumers: list[dict[bytes, Any]]) -> Iterator[Finding]:
    """Consumers of the projector's group with pending entries: a projector has none, because it reads with NOACK."""
    for consumer in consumers:
        if consumer[b"pending"]:
            yield wrong(
                f"{text_of(consumer[b'name'])} reads from the projector's group, {consumer[b'pending']:,} pending",
                "the projector has to start over each time, and the pending entries take memory",
                redis_cli("XGROUP", "DELCONSUMER", case.keys.wal, GROUP, consumer[b"name"]),
            )


def trimming(case: Case) -> Iterator[Finding]:
    """A run that has been in flight for so long that it holds trimming back."""
    trimmed, runs = case.status.trimmed, case.query.in_flight()
    if not trimmed:
        yield ok("nothing was trimmed yet")
    elif runs and case.first_look.now - milliseconds_of(runs[-1].entry_id) > case.group_idle_ms:
        yield warning(
            run_in_words(runs[-1]),
            "no entry behind its start is trimmed",
            f"if it has ended: {end_of_run(case.keys.namespace, runs[-1])}",
        )
    else:
        archived = case.status.archive_last_id  # then somebody else may have taken them out of the log
        gone = "no longer in the log, and archived; no run holds trimming" if archived else "trimmed, no run holds it"
        yield ok(f"{counted(trimmed, 'entry')} {gone} back")
