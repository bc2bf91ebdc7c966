"""The second model of rollups and kinds of failure, from docs/architecture.md: all events kept, all recomputed.

An event is a run that ended or was presumed dead: its record, as the model keeps it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from projector.fold.failures.fingerprint import kind_of

__all__ = ["failures_of", "history"]

Event = dict[str, Any]
MINUTE = 60 * 1000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def history(events: list[Event], now: int, *, most_names: int) -> dict[str, dict[str, Any]]:
    """Key → field → rollup of what the log said up to the time `now` of its last entry."""
    keys: dict[str, dict[str, Any]] = {"history:minutes": {}, "history:hours": {}}
    for key, step, kept in (("history:minutes", MINUTE, 360), ("history:hours", HOUR, 336)):
        for start, inside in _by_start(events, step, kept, now).items():
            keys[key][str(start)] = _rollup(inside)
    for unit, step, kept in (("hours", HOUR, 336), ("days", DAY, 400)):
        for start, inside in _by_start(events, step, kept, now).items():
            names = list(dict.fromkeys(event["action_id"] for event in inside if event["action_id"] != "(other)"))
            own = names[:most_names]
            by_name = _grouped(inside, lambda event: event["action_id"] if event["action_id"] in own else "(other)")  # noqa: B023
            keys[f"history:{unit}:{start}"] = {name: _rollup(theirs) for name, theirs in by_name.items()}
    return keys


def failures_of(events: list[Event], *, most_kinds: int) -> tuple[dict[str, Any], list[Event]]:
    """(kind → its row, the events that failed) of the events of one action; successes are passed over."""
    failed = [event for event in events if not event["success"]]
    kinds: dict[str, list[Event]] = {}
    pushed_out: list[Event] = []
    for event in failed:
        kind = kind_of(event["error"])
        if kind == "(other)":
            pushed_out.append(event)
            continue
        kinds.setdefault(kind, []).append(event)
        if len(kinds) > most_kinds:
            oldest = min(kinds, key=lambda name: failed.index(kinds[name][-1]))
            pushed_out += kinds.pop(oldest)
    rows = {kind: _kind(theirs) for kind, theirs in kinds.items()}
    if pushed_out:
        rows["(other)"] = _kind(sorted(pushed_out, key=failed.index))
    return rows, failed


def _by_start(events: list[Event], step: int, kept: int, now: int) -> dict[int, list[Event]]:
    newest = now // step
    found = _grouped(events, lambda event: int(event["entry_id"].split("-")[0]) // step)
    return {number * step: inside for number, inside in found.items() if newest - number < kept}


def _grouped(events: Iterable[Event], name_of: Callable[[Event], Any]) -> dict[Any, list[Event]]:
    groups: dict[Any, list[Event]] = defaultdict(list)
    for event in events:
        groups[name_of(event)].append(event)
    return groups


def _rollup(events: list[Event]) -> dict[str, Any]:
    ends = [event for event in events if not event.get("orphaned")]
    durations = [event["duration_ms"] for event in ends if event["duration_ms"] is not None]
    counts: dict[str, int] = {}
    for duration in durations:
        bound = str(_coarse(duration))
        counts[bound] = counts.get(bound, 0) + 1
    return {
        "runs": len(ends),
        "failures": sum(not event["success"] for event in ends),
        "orphans": len(events) - len(ends),
        "duration_ms_sum": min(sum(durations), 2**53 - 1),
        "duration_ms_max": max(durations, default=0),
        "durations": counts,
    }


def _coarse(duration: int) -> int:
    """The inclusive upper bound of the duration's bucket, found by walking: eight to each power of two."""
    low, high = 0, 16
    while high <= duration:
        low, high = high, high * 2
    width = max(1, (high - low) // 8) if low else 1
    bound = low + width - 1
    while bound < duration:
        bound += width
    return bound


def _kind(events: list[Event]) -> dict[str, Any]:
    times = [event["timestamp"] for event in events]
    example = (events[-1]["error"] or "").encode()[:512].decode(errors="ignore")
    return {
        "count": len(events),
        "first_at": min(times),
        "last_at": max(times),
        "first_entry_id": events[0]["entry_id"],
        "last_entry_id": events[-1]["entry_id"],
        "example": example,
    }
