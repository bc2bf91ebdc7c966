"""Checks of the projection: is it whole, what the projector wrote, and up to date?"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict

from producer.text.moment import is_odd
from producer.text.wording import counted, waiting
from projector.bounds import Bounds
from projector.doctor.case import Case
from projector.doctor.finding import Finding, ok, warning, wrong
from projector.entry_id import order_of_any
from projector.errors import Damaged, mend_of, text_of
from projector.fold.rollups.rollups import Rollups
from projector.keys import REBUILDING

_ALL = 2**53
_MANY = 1000
"""Fewer waiting entries are no backlog, even if they have become more: less than a second's work."""


def key_types(case: Case) -> Iterator[Finding]:
    """Has every key the type that it should have?"""
    keys = case.keys
    expected = {keys.wal: "stream", keys.lease: "string", keys.checkpoint: "hash", **keys.fixed, **_named_keys(case)}
    kinds = [kind.decode() for kind in case.reader.each(*(("TYPE", key) for key in expected))]
    there = {key: kind for key, kind in zip(expected, kinds, strict=True) if kind != "none"}
    found = {key: kind for key, kind in there.items() if kind != expected[key]}
    for key, kind in found.items():
        yield wrong(
            f"{text_of(key)}: expected a {expected[key]}, found a {kind}",
            "somebody put it there; the projector stops rather than write to it",
            mend_of(key),
        )
    if not found:
        yield ok(f"{counted(len(there), 'key is', 'keys are')} as they should be")


def _named_keys(case: Case) -> dict[bytes, str]:
    """The types of the keys of each action and scanner, and of each hour and day that the history keeps."""
    keys = case.keys
    actions, scanners = case.reader.at_one_instant(("ZRANGE", keys.actions, 0, -1), ("ZRANGE", keys.scanners, 0, -1))
    expected: dict[bytes, str] = {}
    with suppress(Damaged):  # of another type itself
        ((last_id,),) = case.reader.at_one_instant(("HMGET", keys.checkpoint, "last_id"))
        milliseconds, _ = order_of_any(text_of(last_id or b""))
        for key_of, buckets in Rollups().of_actions(keys):
            buckets.advance(milliseconds)
            expected |= {key_of(start): "hash" for start in buckets.kept_starts()}
    for action in (raw.decode("utf-8", "replace") for raw in actions):
        expected |= keys.of_action(action)
    return expected | {keys.scanner(raw.decode("utf-8", "replace")): "hash" for raw in scanners}


def projection(case: Case) -> Iterator[Finding]:
    """A checkpoint, and no commit written by half."""
    status = case.status
    if status.torn:
        found = f"the commit that begins with entry {case.first_look.checkpoint.torn} was written by half"
    elif status.checkpoint is None and status.lag is None:
        found = "there is a projection, but not its checkpoint"
    else:
        case.query.totals()  # raises Damaged
        entries = f"whole, {counted(status.entries, 'entry')}"
        yield ok(entries if status.checkpoint else "nothing has been projected yet")
        return
    yield wrong(found, "the projector stops rather than count wrong", case.projector("rebuild"))


def _run(case: Case) -> str:
    """The command that starts a projector with the bounds of the projection, because it refuses others."""
    made_with, words = case.first_look.checkpoint, ["run"]
    with suppress(ValueError):  # for bounds of another version it says what to do
        bounds, defaults = asdict(made_with.bounds()), asdict(Bounds())
        words += [f"--{name.replace('_', '-')} {bounds[name]}" for name in bounds if bounds[name] != defaults[name]]
    return case.projector(" ".join(words))


def active_projector(case: Case) -> Iterator[Finding]:
    """Somebody has to hold the lease, and somebody else has to be able to get it."""
    status = case.status
    if status.lease_holder is None:
        yield wrong("none is active", "what is recorded is not counted until one is", _run(case))
    elif status.lease_ttl_ms is None:
        yield wrong(
            f"the lease of {status.lease_holder} never ends",
            "somebody set it by hand; no projector can take it",
            mend_of(case.keys.lease),
        )
    elif status.lease_holder.startswith(REBUILDING):
        yield ok("a rebuild has taken over, until it is done")
    else:
        yield ok(f"{status.lease_holder}, its lease lasts for {status.lease_ttl_ms / 1000:.1f} s")


def lag(case: Case) -> Iterator[Finding]:
    """Entries that wait, and do not become fewer."""
    before = case.status.lag
    if not before:
        yield ok("nothing waits")
        return
    after = case.later_status.lag or 0
    told = waiting(after, "entry")
    if not after:
        yield ok(f"{counted(before, 'entry waited, and was', 'entries waited, and were')} projected meanwhile")
    elif case.later_status.entries == case.status.entries:
        yield wrong(
            f"{told}, and none was projected in {case.seconds:g} s",
            "what is read from the projection is out of date",
            f"start a projector with {_run(case)}; where one is active, its log says what holds it up",
        )
    elif after > max(before, _MANY):
        yield wrong(
            f"{told}, {after - before:,} more than {case.seconds:g} s before",
            "more is recorded than projected; the log grows",
            "give the projector and the server a faster machine, or record less",
        )
    else:
        yield ok(f"{told}, and the projector comes nearer")


def quarantine(case: Case) -> Iterator[Finding]:
    """Entries that could not be folded, and wait for somebody to look at them."""
    if kept := case.reader.call("XLEN", case.keys.quarantine):
        yield wrong(
            f"{counted(kept, 'entry')} could not be folded",
            "what they say is not counted",
            f"{case.projector('quarantine list')}, then retry or drop them",
        )
    else:
        yield ok("empty")


def odd_times(case: Case) -> Iterator[Finding]:
    """Records whose times cannot be right. A producer refuses such times, an entry written by hand may have them."""
    query, now = case.query, case.first_look.now
    ended = query.recent_action_executions(_ALL) + query.recent_failures(_ALL)
    times = [(run.entry_id, run.started_at) for run in ended]
    times += [(run.entry_id, run.timestamp) for run in ended]
    times += [(run.entry_id, run.started_at) for run in query.in_flight() + query.orphans()]
    times += [(cleanup.entry_id, cleanup.timestamp) for cleanup in query.recent_cleanup_operations(_ALL)]
    if odd := {entry_id for entry_id, moment in times if moment is not None and is_odd(moment, now)}:
        yield warning(
            f"{counted(len(odd), 'record')} of times before the year 2000 or more than a day ahead of the clock, the "
            f"newest by entry {max(odd, key=order_of_any)}",
            "an engine gave seconds for milliseconds, or its clock is wrong: what is shown of these times is wrong",
            "give it milliseconds, or set its clock; the records stay until newer ones push them out",
        )
    else:
        yield ok("none")
