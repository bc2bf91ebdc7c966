"""A second fold, naive and slow, written from docs/architecture.md alone: what the projection has to be.

It keeps everything it ever folded and recomputes what the projection shows: statistics from the list of an
action's completions, lists by cutting the whole of them, what to evict by looking at every row. It shares
nothing with `projector.fold` but the decoding of operations and the wording of the quarantine.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from producer.errors import UndecodableOperation
from producer.operations import (
    ActionExecutionCompleted,
    ActionExecutionOrphaned,
    ActionExecutionStarted,
    ArchiveSealed,
    CleanupExecuted,
    ExecutionResolved,
    GapsAccepted,
    LossAccepted,
    Operation,
    QuarantineDropped,
    decode,
)
from projector.bounds import SCHEMA, Bounds
from projector.fold.entry import quarantined_fields, read_entry
from tests.support.fold.over_time import failures_of, history

__all__ = ["Model", "Projection", "plain"]

Projection = dict[str, Any]
"""Key after `{ns}:` → what it holds: records newest first, a dict, members with scores, or (id, fields) pairs."""

_CANNOT_TELL = "cannot tell whether this is a duplicate"
_JSON_HASHES = ("in_flight", "orphans", "producers")


class Model:
    """The projection of the entries read so far."""

    most_names, most_kinds = 1000, 50

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.last_id = "0-0"
        self.records: list[dict[str, Any]] = []
        self.cleanups: list[dict[str, Any]] = []
        self.in_flight: dict[str, dict[str, Any]] = {}
        self.orphans: dict[str, dict[str, Any]] = {}
        self.orphaned = 0
        self.actions: dict[str, dict[str, Any]] = {}
        self.scanners: dict[str, dict[str, Any]] = {}
        self.producers: dict[str, dict[str, Any]] = {}
        self.quarantine: dict[str, list[bytes]] = {}
        self.pushed_out = 0
        self.missing_elsewhere = 0
        self.seals: list[tuple[str, str]] = []
        self.losses: list[int] = []
        self.counters = dict.fromkeys(
            (
                "entries",
                "duplicates",
                "in_flight_replaced",
                "in_flight_evicted",
                "orphans_evicted",
                "actions_evicted",
                "scanners_evicted",
                "producers_evicted",
            ),
            0,
        )

    def read(self, entry_id: str, fields: list[bytes]) -> None:
        """Fold the entry with `fields`, alternately names and values."""
        self.last_id = entry_id
        self.counters["entries"] += 1
        if _malformed(fields):
            words = read_entry(entry_id.encode(), fields).rejection
            assert words is not None
            self._set_aside(entry_id, words, fields)
            return
        found = dict(zip(fields[0::2], fields[1::2], strict=True))
        by = found[b"by"].decode() if b"by" in found else None
        retried = found[b"retry_of"].decode() if b"retry_of" in found else None
        if by is not None:
            verdict = self._judge(by, int(found[b"seq"]), int(found.get(b"acked", b"0")), entry_id)
        else:
            verdict = "new"
        if verdict == "duplicate":
            self.counters["duplicates"] += 1
        elif verdict == _CANNOT_TELL:
            self._set_aside(entry_id, _CANNOT_TELL, fields)
        else:
            self._fold(entry_id, by, retried, found.get(b"op"), fields)

    def projection(self) -> Projection:
        """Every key that is not empty, without the lease, the log and the heartbeats."""
        if not self.counters["entries"]:
            return {}
        newest = self.records[::-1]
        keys: Projection = {
            "executions": newest[: self.bounds.max_entries],
            "failures": [record for record in newest if not record["success"]][: self.bounds.max_entries],
            "cleanups": self.cleanups[::-1][: self.bounds.max_entries],
            "in_flight": self.in_flight,
            "orphans": self.orphans,
            "totals": self._totals(),
            "actions": {name: _milliseconds(row["entry_id"]) for name, row in self.actions.items()},
            "scanners": {name: _milliseconds(row["entry_id"]) for name, row in self.scanners.items()},
            "producers": {name: _producer(row) for name, row in self.producers.items()},
            "quarantine": sorted(self.quarantine.items(), key=lambda item: _number(item[0])),
            "checkpoint": self._checkpoint(),
        }
        for name, row in self.actions.items():
            keys[f"executions:{name}"] = row["records"][::-1][: self.bounds.max_action_entries]
            keys[f"action:{name}"] = _action_statistics(row)
            keys[f"durations:{name}"] = _histogram(row["records"])
            keys[f"failure_kinds:{name}"], failed = failures_of(row["records"], most_kinds=self.most_kinds)
            keys[f"failure_durations:{name}"] = _histogram(failed)
        for name, row in self.scanners.items():
            keys[f"scanner:{name}"] = _scanner_statistics(row)
        keys |= history(self.records, _milliseconds(self.last_id), most_names=self.most_names)
        return {key: content for key, content in keys.items() if content}

    def _judge(self, by: str, seq: int, acked: int, entry_id: str) -> str:
        if by not in self.producers:
            self.producers[by] = {"seq": 0, "open": set(), "closed": set(), "accepted": [], "entry_id": entry_id}
        row = self.producers[by]
        row["entry_id"] = entry_id
        if seq > row["seq"]:
            verdict = "new"
            row["open"] |= set(range(max(row["seq"], acked) + 1, seq))
            row["seq"] = seq
        elif seq in row["open"]:
            verdict = "new"
            row["open"].remove(seq)
        elif row["closed"] and seq <= max(row["closed"]):
            verdict = _CANNOT_TELL
        else:
            verdict = "duplicate"
        while len(_ranges(row["open"])) > self.bounds.max_gaps:
            first, last = _ranges(row["open"])[0]
            row["closed"] |= set(range(first, last + 1))
            row["open"] -= row["closed"]
        for lost in self._evict(self.producers, self.bounds.max_producers, "producers_evicted"):
            self.missing_elsewhere += len(lost["open"]) + len(lost["closed"])
        return verdict

    def _fold(
        self, entry_id: str, by: str | None, retried: str | None, raw: bytes | None, fields: list[bytes]
    ) -> None:
        if raw is None:
            self._set_aside(entry_id, "expected a field op with an operation in JSON, found none", fields)
            return
        try:
            operation = decode(raw)
        except UndecodableOperation as error:
            self._set_aside(entry_id, str(error), fields)
            return
        # docs/architecture.md says only of by/seq that they are judged before decoding: a retry is judged after.
        if retried is not None and retried not in self.quarantine:
            self.counters["duplicates"] += 1
            return
        if retried is not None:
            del self.quarantine[retried]
        self._apply(entry_id, by, operation)

    def _apply(self, entry_id: str, by: str | None, operation: Operation) -> None:
        match operation:
            case ActionExecutionStarted():
                self._start(entry_id, by, operation)
            case ActionExecutionCompleted():
                self._complete(entry_id, by, operation)
            case CleanupExecuted():
                self._clean(entry_id, by, operation)
            case ActionExecutionOrphaned():
                self._orphan(entry_id, operation)
            case QuarantineDropped():
                self.quarantine.pop(operation.entry_id, None)
            case GapsAccepted():
                if operation.producer_id in self.producers:
                    row = self.producers[operation.producer_id]
                    row["accepted"].append(min(operation.seq, row["seq"]))
            case ArchiveSealed():
                if _number(operation.last_id) < _number(entry_id):
                    self.seals.append((operation.last_id, operation.head))
            case ExecutionResolved():
                self._resolve(entry_id, operation)
            case LossAccepted():
                self.losses.append(operation.entries)

    def _start(self, entry_id: str, by: str | None, operation: ActionExecutionStarted) -> None:
        key = _execution_key(operation.action_id, operation.execution_id)
        if key in self.in_flight:
            self.counters["in_flight_replaced"] += 1
        self.in_flight[key] = {
            "action_id": operation.action_id,
            "source": operation.source,
            "execution_type": operation.execution_type,
            "started_at": operation.started_at,
            "execution_id": operation.execution_id,
            "by": by,
            "heartbeats": operation.heartbeats is True,
            "entry_id": entry_id,
            **_given(command=operation.command, attempt=operation.attempt, labels=operation.labels),
        }
        self._evict(self.in_flight, self.bounds.max_in_flight, "in_flight_evicted")

    def _complete(self, entry_id: str, by: str | None, operation: ActionExecutionCompleted) -> None:
        start = self._ended(entry_id, operation.action_id, operation.execution_id) or {}
        record = {
            "action_id": operation.action_id,
            "source": start.get("source"),
            "execution_type": start.get("execution_type"),
            "success": operation.success,
            "duration_ms": operation.duration_ms,
            "error": operation.error,
            "timestamp": operation.completed_at,
            "execution_id": operation.execution_id,
            "started_at": start.get("started_at"),
            "by": by,
            "entry_id": entry_id,
            **_given(
                command=start.get("command"),
                attempt=start.get("attempt"),
                labels=_merged(start.get("labels"), operation.labels),
                exit_code=operation.exit_code,
            ),
        }
        self._push(entry_id, record)

    def _ended(self, entry_id: str, action_id: str, execution_id: str | None) -> dict[str, Any] | None:
        """The start of the run that ends, if it is known."""
        key = _execution_key(action_id, execution_id)
        if key in self.in_flight:
            return self.in_flight.pop(key)
        if key not in self.orphans:
            return None
        start = self.orphans.pop(key)
        self.orphaned -= 1
        row = self._action(action_id, entry_id)
        row["orphaned"] = max(0, row["orphaned"] - 1)
        row["taken_back"].append((len(row["records"]), start["entry_id"]))
        return start

    def _push(self, entry_id: str, record: dict[str, Any]) -> None:
        self.records.append(record)
        self._action(record["action_id"], entry_id)["records"].append(record)

    def _clean(self, entry_id: str, by: str | None, operation: CleanupExecuted) -> None:
        record = {
            "scanner_id": operation.scanner_id,
            "resource_id": operation.resource_id,
            "action": operation.action,
            "success": operation.success,
            "error": operation.error,
            "timestamp": operation.executed_at,
            "by": by,
            "entry_id": entry_id,
            **_given(execution_id=operation.execution_id, labels=operation.labels),
        }
        self.cleanups.append(record)
        row = self.scanners.setdefault(operation.scanner_id, {"cleanups": []})
        row["entry_id"] = entry_id
        row["cleanups"].append(record)
        self._evict(self.scanners, self.bounds.max_scanners, "scanners_evicted")

    def _orphan(self, entry_id: str, operation: ActionExecutionOrphaned) -> None:
        key = _execution_key(operation.action_id, operation.execution_id)
        if key not in self.in_flight:
            return
        start = self.in_flight.pop(key)
        self.orphans[key] = start | {"entry_id": entry_id}
        self.orphaned += 1
        self._action(operation.action_id, entry_id)["orphaned"] += 1
        at, error = operation.orphaned_at, operation.reason
        self._push(entry_id, _without_end(operation, start, entry_id, error, at, orphaned=True))
        self._evict(self.orphans, self.bounds.max_in_flight, "orphans_evicted")

    def _resolve(self, entry_id: str, operation: ExecutionResolved) -> None:
        start = self._ended(entry_id, operation.action_id, operation.execution_id)
        if start is not None:
            error = None if operation.success else operation.reason
            record = _without_end(operation, start, entry_id, error, operation.resolved_at, resolved=True)
            self._push(entry_id, record | {"success": operation.success})

    def _action(self, action_id: str, entry_id: str) -> dict[str, Any]:
        """The action's row, from zero when it is not there, touched by the entry."""
        row = self.actions.setdefault(action_id, {"records": [], "orphaned": 0, "taken_back": []})
        row["entry_id"] = entry_id
        self._evict(self.actions, self.bounds.max_actions, "actions_evicted")
        return row

    def _evict(self, rows: dict[str, dict[str, Any]], bound: int, counter: str) -> list[dict[str, Any]]:
        evicted = []
        while len(rows) > bound:
            oldest = min(rows, key=lambda name: _number(rows[name]["entry_id"]))
            evicted.append(rows.pop(oldest))
            self.counters[counter] += 1
        return evicted

    def _set_aside(self, entry_id: str, reason: str, fields: list[bytes]) -> None:
        self.quarantine[entry_id] = quarantined_fields(reason, fields)
        while len(self.quarantine) > self.bounds.max_quarantine:
            del self.quarantine[min(self.quarantine, key=_number)]
            self.pushed_out += 1

    def _totals(self) -> dict[str, str]:
        ends = _ends(self.records)
        failures = sum(not record["success"] for record in ends)
        return _text(
            {
                "total_executions": len(ends),
                "successes": len(ends) - failures,
                "failures": failures,
                "orphaned": self.orphaned,
                "cleanups": len(self.cleanups),
                "cleanup_failures": sum(not record["success"] for record in self.cleanups),
            }
        )

    def _checkpoint(self) -> dict[str, str]:
        missing = sum(len(row["open"]) + len(row["closed"]) for row in self.producers.values())
        archived: dict[str, str] = {}
        if self.seals:
            last_id, head = max(self.seals, key=lambda seal: _number(seal[0]))  # of equal ones the first
            archived = {"archive_head": head, "archive_last_id": last_id} if _number(last_id) > (0, 0) else {}
        return _text(
            {
                "last_id": self.last_id,
                **self.counters,
                **archived,
                "entries": self.counters["entries"] + sum(self.losses),
                "lost": sum(self.losses) or None,
                "trimmed": 0,
                "quarantined": len(self.quarantine) + self.pushed_out,
                "missing": missing + self.missing_elsewhere,
                "schema": SCHEMA,
                "config": self.bounds.config().decode(),
            }
        )


def _malformed(fields: list[bytes]) -> bool:
    """Whether the entry's own fields break the rules of "A WAL entry", whatever its operation says."""
    names = fields[0::2]
    if len(names) > 100 or len(set(names)) < len(names):
        return True
    found = dict(zip(names, fields[1::2], strict=True))
    if b"retry_of" in found and not re.fullmatch(rb"[0-9]{1,20}-[0-9]{1,20}", found[b"retry_of"]):
        return True
    if not found.keys() & {b"by", b"seq", b"acked"}:
        return False
    return (
        b"retry_of" in found
        or not _is_producer(found.get(b"by"))
        or not re.fullmatch(rb"[1-9][0-9]{0,15}", found.get(b"seq", b""))
        or not re.fullmatch(rb"0|[1-9][0-9]{0,15}", found.get(b"acked", b"0"))
    )


def _is_producer(by: bytes | None) -> bool:
    try:
        return by is not None and 1 <= len(by) <= 256 and by.decode() != ""
    except UnicodeDecodeError:
        return False


def _execution_key(action_id: str, execution_id: str | None) -> str:
    return action_id if execution_id is None else f"{action_id}#{execution_id}"


def _number(entry_id: str) -> tuple[int, int]:
    milliseconds, sequence = entry_id.split("-")
    return int(milliseconds), int(sequence)


def _milliseconds(entry_id: str) -> int:
    return _number(entry_id)[0]


def _text(values: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value is not None}


def _ranges(numbers: set[int]) -> list[list[int]]:
    """The runs of consecutive numbers, as [first, last]."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges


def _producer(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "seq": row["seq"],
        "gaps": _ranges(row["open"]),
        "closed": max(row["closed"], default=0),
        "entry_id": row["entry_id"],
        **({"accepted": max(row["accepted"])} if row["accepted"] else {}),
    }


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, {})}


def _merged(started: dict[str, str] | None, ended: dict[str, str] | None) -> dict[str, str]:
    return (started or {}) | (ended or {})


def _without_end(
    operation: ActionExecutionOrphaned | ExecutionResolved,
    start: dict[str, Any],
    entry_id: str,
    error: str | None,
    at: int,
    **how: bool,
) -> dict[str, Any]:
    names = ("source", "execution_type", "started_at", "by", "command", "attempt", "labels")
    return {
        **{name: start[name] for name in names if name in start},
        "action_id": operation.action_id,
        "execution_id": operation.execution_id,
        "success": False,
        "duration_ms": None,
        "error": error,
        "timestamp": at,
        "entry_id": entry_id,
        **how,
    }


def _ends(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record for record in records if not record.get("orphaned")]


def _durations(records: list[dict[str, Any]]) -> list[int]:
    return [record["duration_ms"] for record in records if record["duration_ms"] is not None]


def _action_statistics(row: dict[str, Any]) -> dict[str, str]:
    records, ends, durations = row["records"], _ends(row["records"]), _durations(row["records"])
    times = [record["timestamp"] for record in ends]
    successes = [record["timestamp"] for record in ends if record["success"]]
    bad = [record for record in records if not record["success"]]
    latest_success = max((at for at, record in enumerate(records, 1) if record["success"]), default=0)
    presumed_dead = [record["entry_id"] for record in records[latest_success:] if record.get("orphaned")]
    taken_back = [
        entry_id
        for at, entry_id in row["taken_back"]
        if at >= latest_success and presumed_dead and _number(entry_id) >= _number(presumed_dead[0])
    ]
    return _text(
        {
            "total_executions": len(ends),
            "successes": len(successes),
            "failures": len(ends) - len(successes),
            "orphaned": row["orphaned"],
            "avg_duration_ms": sum(durations) // len(durations) if durations else 0,
            "duration_ms_sum": sum(durations),
            "duration_ms_min": min(durations, default=None),
            "duration_ms_max": max(durations, default=None),
            "first_at": min(times, default=None),
            "last_at": max(times, default=None),
            "last_success_at": max(successes, default=None),
            "last_failure_at": max((record["timestamp"] for record in bad), default=None),
            "last_error": (bad[-1]["error"] or "") if bad else None,
            "consecutive_failures": len(records) - latest_success - len(taken_back),
            "last_entry_id": row["entry_id"],
            "resolved": sum("resolved" in record for record in records) or None,
            "orphaned_since": next(iter(presumed_dead), "") if any("orphaned" in each for each in records) else None,
        }
    )


def _histogram(records: list[dict[str, Any]]) -> dict[str, str]:
    counts: dict[int, int] = {}
    for duration in _durations(records):
        bound = _bucket(duration)
        counts[bound] = counts.get(bound, 0) + 1
    return {str(bound): str(count) for bound, count in counts.items()}


def _bucket(duration: int) -> int:
    """The inclusive upper bound of the duration's bucket, found by walking: 32 buckets to each power of two."""
    power = 1
    while power * 2 <= duration:
        power *= 2
    width = max(1, power // 32)
    bound = width - 1 if duration < power else power + width - 1
    while bound < duration:
        bound += width
    return bound


def _scanner_statistics(row: dict[str, Any]) -> dict[str, str]:
    cleanups = row["cleanups"]
    failures = [record for record in cleanups if not record["success"]]
    return _text(
        {
            "total_cleanups": len(cleanups),
            "successes": len(cleanups) - len(failures),
            "failures": len(failures),
            "last_at": max(record["timestamp"] for record in cleanups),
            "last_error": (failures[-1]["error"] or "") if failures else None,
            "last_entry_id": row["entry_id"],
            **_counts_by_name([record["action"] for record in cleanups]),
        }
    )


def _counts_by_name(actions: list[str]) -> dict[str, int]:
    """The first 100 names one by one, all that came after them as (other)."""
    names = list(dict.fromkeys(name for name in actions if name != "(other)"))[:100]
    counts: dict[str, int] = {}
    for name in actions:
        field = f"action:{name if name in names else '(other)'}"
        counts[field] = counts.get(field, 0) + 1
    return counts


def plain(suffix: str, content: Any) -> Any:
    """A key's content as bytes, from Redis or rendered, in the model's terms."""
    if isinstance(content, list):
        if suffix == "quarantine":
            return [(entry_id.decode(), fields) for entry_id, fields in content]
        return [orjson.loads(record) for record in content]
    if suffix in _JSON_HASHES or suffix.startswith(("history:", "failure_kinds:")):
        return {name.decode(): orjson.loads(value) for name, value in content.items()}
    return {name.decode(): value if isinstance(value, int) else value.decode() for name, value in content.items()}
