"""The history checker: from the writers' journals and the log that survived, what must hold, whatever happened.

It shares no code with the fold, and trusts neither the projection nor the log's writers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from itertools import islice

from projector.bounds import Bounds
from tests.chaos.history.expectation import Count, Expectation
from tests.chaos.history.losses import Losses
from tests.chaos.history.standing_projection import StandingProjection
from tests.chaos.history.surviving_archive import Trail
from tests.chaos.writers.journal import Attempt

__all__ = ["HistoryChecker"]

_TOLD = 5
"""Violations of one kind that are told: the rest is the same again."""


class HistoryChecker:
    """The violations of one run, as sentences; none means that the promise held.

    `attempts` are those of all journals, `by_hand` the entries that a vandal wrote into the log.
    """

    def __init__(
        self, attempts: Iterable[Attempt], trail: Trail, losses: Losses, by_hand: set[str] | None = None
    ) -> None:
        self.attempts = list(attempts)
        self.promised = [attempt for attempt in self.attempts if attempt.is_promised]
        self._trail = trail
        self._log = log = trail.entries
        self.expected = Expectation(log)
        self._losses = losses
        self._by_hand = by_hand or set()
        self._came = {entry.identity for entry in log if entry.by is not None}
        self.lost = [attempt for attempt in self.promised if _identity(attempt) not in self._came]

    def violations(self, projection: StandingProjection, bounds: Bounds) -> list[str]:
        rules = (
            iter(self._trail.violations),
            self._promised_and_gone(),
            self._nobody_attempted(),
            self._one_operation_under_two_numbers(),
            self._receipts_that_name_another_entry(),
            self._numbers_that_name_another_operation(),
            self._spooled_and_out_of_order(),
            self._lost_and_not_missing(projection),
            self._counted_otherwise(projection),
            self._listed_otherwise(projection, bounds),
        )
        return [sentence for rule in rules for sentence in islice(rule, _TOLD)]

    # -- the log against the journals --

    def _promised_and_gone(self) -> Iterator[str]:
        for attempt in self.lost:
            is_taken = self._losses.left_behind(attempt)
            if not (is_taken or self._losses.excuse(attempt, self._acknowledged_by(attempt))):
                what = "was spooled" if attempt.is_spooled else f"acknowledged as {attempt.entry_id}"
                yield f"{what} and gone from the log: {attempt}"

    def _acknowledged_by(self, attempt: Attempt) -> float | None:
        """When what left a spool had been acknowledged at the latest: before a later one of the same producer came.

        On the monotonic clock, with the server's clock being this machine's.
        """
        if not attempt.is_spooled:
            return None
        later = (entry.at for entry in self._log if entry.by == attempt.by and entry.seq > attempt.seq)
        return min(later, default=math.inf) - (time.time() - time.monotonic())

    def _nobody_attempted(self) -> Iterator[str]:
        attempted = {attempt.deed for attempt in self.attempts}
        for entry in self._log:
            is_ours = entry.seals or entry.lost or entry.id in self._by_hand
            if not is_ours and entry.deed not in attempted:
                yield f"in the log, and nobody attempted it: {entry}"

    def _one_operation_under_two_numbers(self) -> Iterator[str]:
        identities: dict[str, tuple[str, int]] = {}
        for entry in self._log:
            if entry.deed is not None and entry.id not in self._by_hand:
                first = identities.setdefault(entry.deed.mark, entry.identity)
                if first != entry.identity:
                    yield f"one operation under two numbers, so counted twice: {first} and {entry}"

    def _receipts_that_name_another_entry(self) -> Iterator[str]:
        deeds = {entry.id: (entry.identity, entry.deed) for entry in self._log}
        for attempt in self.promised:
            if attempt.entry_id is None:
                continue
            found = deeds.get(attempt.entry_id)
            if found != (_identity(attempt), attempt.deed) and not self._losses.excuse(attempt):
                yield f"the receipt does not name its entry, which is {found}: {attempt}"

    def _numbers_that_name_another_operation(self) -> Iterator[str]:
        numbered = {_identity(attempt): attempt for attempt in self.attempts if attempt.by is not None}
        for entry in self._log:
            attempt = numbered.get(entry.identity)
            if attempt is not None and attempt.deed != entry.deed:
                yield f"under the number of {attempt} in the log: {entry}"

    def _spooled_and_out_of_order(self) -> Iterator[str]:
        """One thread forwards them: what comes again came before, and nothing new is below what has come."""
        spooled = {attempt.by for attempt in self.promised if attempt.is_spooled}
        came: set[tuple[str, int]] = set()
        highest: dict[str, int] = {}
        for entry in self._log:
            by, seq = entry.identity
            if by in spooled and entry.identity not in came:
                came.add(entry.identity)
                if seq < highest.get(by, 0):
                    yield f"by a spool, and later than number {highest[by]}: {entry}"
                highest[by] = max(seq, highest.get(by, 0))

    def _lost_and_not_missing(self, projection: StandingProjection) -> Iterator[str]:
        """Once a producer has spoken again, what was lost of it shows."""
        for attempt in self.lost:
            by, seq = _identity(attempt)
            spoke_again = by in self.expected.producers and self.expected.producers[by].highest > seq
            if spoke_again and seq not in projection.missing.get(by, set()):
                yield f"lost, and not missing: {attempt}"

    # -- the projection against the log --

    def _counted_otherwise(self, projection: StandingProjection) -> Iterator[str]:
        expected, checkpoint, totals = self.expected, projection.checkpoint, projection.totals
        yield from _differ("last_id", expected.last_id, checkpoint.get("last_id", ""))
        yield from _differ("lost", expected.lost, checkpoint.get("lost", 0))
        yield from _differ("trimmed", self._trail.trimmed, checkpoint.get("trimmed", 0))
        yield from _differ("entries", expected.entries, checkpoint.get("entries", 0))
        yield from _differ("duplicates", expected.duplicates, checkpoint.get("duplicates", 0))
        yield from _differ("missing", expected.missing, checkpoint.get("missing", 0))
        yield from _differ("quarantined", len(expected.quarantined), checkpoint.get("quarantined", 0))
        yield from _differ("total_executions", len(expected.executions), totals.get("total_executions", 0))
        yield from _differ("failures", len(expected.failures), totals.get("failures", 0))
        yield from _differ("cleanups", len(expected.cleanups), totals.get("cleanups", 0))
        yield from _differ("cleanup_failures", expected.cleanup_failures, totals.get("cleanup_failures", 0))
        yield from _differ_by_name("action", "total_executions", expected.actions, projection.actions)
        yield from _differ_by_name("scanner", "total_cleanups", expected.scanners, projection.scanners)
        for action_id, count in expected.actions.items():
            found = projection.actions.get(action_id, {})
            where = f"action:{action_id} duration_ms_sum"
            yield from _differ(where, count.durations, found.get("duration_ms_sum", 0))
            yield from _differ(f"durations:{action_id}", count.total, projection.measured.get(action_id, 0))
        for by, numbers in expected.producers.items():
            yield from _differ(f"producers {by}", sorted(numbers.missing), sorted(projection.missing.get(by, ())))

    def _listed_otherwise(self, projection: StandingProjection, bounds: Bounds) -> Iterator[str]:
        """Lists are in the log's order, newest first, and no longer than their bound."""
        expected, most = self.expected, bounds.max_entries
        yield from _differ("executions", _newest(expected.executions, most), projection.executions)
        yield from _differ("failures", _newest(expected.failures, most), projection.failures)
        yield from _differ("cleanups", _newest(expected.cleanups, most), projection.cleanups)
        for action_id, entry_ids in expected.executions_of.items():
            found = projection.executions_of.get(action_id, [])
            yield from _differ(f"executions:{action_id}", _newest(entry_ids, bounds.max_action_entries), found)
        yield from _differ("in_flight", expected.in_flight, projection.in_flight)
        yield from _differ("quarantine", expected.quarantined, projection.quarantined)


def _identity(attempt: Attempt) -> tuple[str, int]:
    return (attempt.by or "", attempt.seq)


def _newest(entry_ids: list[str], most: int) -> list[str]:
    return entry_ids[: -most - 1 : -1]


def _differ(where: str, expected: object, found: object) -> Iterator[str]:
    if isinstance(expected, int):
        found = int(str(found))
    if expected != found:
        yield f"{where}: expected {str(expected)[:200]}, found {str(found)[:200]}"


def _differ_by_name(
    kind: str, total: str, expected: dict[str, Count], found: dict[str, dict[str, str]]
) -> Iterator[str]:
    yield from _differ(f"the names of {kind}s", sorted(expected), sorted(found))
    for name, count in expected.items():
        fields = found.get(name, {})
        yield from _differ(f"{kind}:{name} {total}", count.total, fields.get(total, 0))
        yield from _differ(f"{kind}:{name} successes", count.successes, fields.get("successes", 0))
        yield from _differ(f"{kind}:{name} failures", count.failures, fields.get("failures", 0))
