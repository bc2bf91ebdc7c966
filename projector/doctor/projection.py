"""Checks of the projection: is it whole, and is it what the projector wrote?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from projector.bounds import SCHEMA, Bounds
from projector.checkpoint import Checkpoint
from projector.doctor.case import Case
from projector.doctor.finding import Finding, ok, redis_cli, warning, wrong
from projector.keys import FIXED_KEYS

_CHUNK = 1000
"""Keys asked about in one round trip."""


def key_types(case: Case) -> Iterator[Finding]:
    """Has every key the type that it should have?"""
    keys = case.keys
    expected = {keys.wal: "stream", keys.lease: "string", keys.checkpoint: "hash"}
    expected |= {getattr(keys, name): kind for name, kind in FIXED_KEYS.items()}
    found = _wrong_types(case, expected)
    if not found:  # else the names of actions and scanners may not be there to be read
        more = _types_by_name(case)
        found, expected = _wrong_types(case, more), expected | more
    for key, kind in found.items():
        yield wrong(
            f"{key.decode('utf-8', 'backslashreplace')}: expected a {expected[key]}, found a {kind}",
            "somebody put it there; the projector stops rather than write to it",
            _cure(case, key),
        )
    if not found:
        yield ok(f"{len(expected):,} keys are as they should be")


def _types_by_name(case: Case) -> dict[bytes, str]:
    keys = case.keys
    actions, scanners = case.ask_at_once(("ZRANGE", keys.actions, 0, -1), ("ZRANGE", keys.scanners, 0, -1))
    expected: dict[bytes, str] = {}
    for action in (raw.decode("utf-8", "replace") for raw in actions):
        expected |= {keys.action(action): "hash", keys.durations(action): "hash", keys.executions_of(action): "list"}
    return expected | {keys.scanner(raw.decode("utf-8", "replace")): "hash" for raw in scanners}


def _wrong_types(case: Case, expected: dict[bytes, str]) -> dict[bytes, str]:
    """The type of each key that has another one than expected."""
    names, found = list(expected), {}
    for at in range(0, len(names), _CHUNK):
        chunk = names[at : at + _CHUNK]
        for key, kind in zip(chunk, case.ask_each(*(("TYPE", key) for key in chunk)), strict=True):
            if kind.decode() not in (expected[key], "none"):
                found[key] = kind.decode()
    return found


def _cure(case: Case, key: bytes) -> str:
    rebuild = case.projector("rebuild")
    if key == case.keys.lease:
        return redis_cli("DEL", key)
    if key == case.keys.wal:
        return f"{redis_cli('RENAME', key, key + b'-before')} && {rebuild}"
    return rebuild


def projection(case: Case) -> Iterator[Finding]:
    """A checkpoint, and no commit written by half."""
    look = case.first_look
    if look.checkpoint and look.checkpoint.torn is not None:
        found = f"the commit that begins with entry {look.checkpoint.torn} was written by half"
    elif look.headless:
        found = f"there is no checkpoint, but there is {look.headless[0]}"
    else:
        yield ok(f"whole, {look.entries:,} entries" if look.last_id else "nothing has been projected yet")
        return
    yield wrong(found, "the projector stops rather than count wrong", case.projector("rebuild"))


def bounds(case: Case) -> Iterator[Finding]:
    """The schema and the bounds that the projection was made with."""
    checkpoint = case.first_look.checkpoint
    if not checkpoint:
        yield ok("nothing has been projected yet")
        return
    if checkpoint.schema != SCHEMA:
        yield warning(
            f"made with schema {checkpoint.schema or 'none'}; this version has schema {SCHEMA}",
            "a projector of this version refuses it",
            case.projector("rebuild"),
        )
        return
    changed = _changed(checkpoint)
    yield ok(f"start projectors with {' '.join(changed)}" if changed else "the defaults")


def _changed(checkpoint: Checkpoint) -> list[str]:
    """The bounds that are not the defaults, as options of `projector run`."""
    try:
        made_with = asdict(checkpoint.bounds())
    except ValueError:
        return ["bounds that this version does not know"]
    defaults = asdict(Bounds())
    return [f"--{name.replace('_', '-')} {value}" for name, value in made_with.items() if value != defaults[name]]


def quarantine(case: Case) -> Iterator[Finding]:
    """Entries that could not be folded, and wait for somebody to look at them."""
    kept, found = case.ask_at_once(("XLEN", case.keys.quarantine), ("HGETALL", case.keys.checkpoint))
    checkpoint = Checkpoint.of_hash(found, case.keys.checkpoint)
    pushed_out = (checkpoint.quarantined if checkpoint else 0) - kept
    if pushed_out < 0:
        yield wrong(
            f"{kept:,} entries, of which the projector put {kept + pushed_out:,} there",
            "somebody wrote to it: what is shown there is not what was recorded",
            case.projector("rebuild"),
        )
    elif kept:
        yield wrong(
            f"{kept:,} entries could not be folded" if kept > 1 else "1 entry could not be folded",
            "what they say is not counted",
            f"{case.projector('quarantine list')}, then retry or drop them",
        )
    else:
        yield ok("empty")
    if pushed_out > 0:
        yield warning(
            f"{pushed_out:,} more were pushed out by its bound, or deleted: they are in the log alone",
            "what they say is not counted",
        )


def rebuild(case: Case) -> Iterator[Finding]:
    """The keys that a rebuild leaves behind if it is broken off."""
    before = case.first_look
    at = before.shadow_id or "the beginning of the log"
    if not before.shadow_keys:
        yield ok("none is under way")
    elif case.later_look.shadow_id != before.shadow_id:
        yield ok(f"one is under way, at {at}")
    else:
        yield warning(
            f"one is under way or was broken off, at {at}",
            f"it has not moved in {case.seconds:g} s; its keys take memory",
            f"{case.projector('rebuild')}: it goes on from there",
        )
