"""The judgement whether an expectation holds: pure, of what is known of an action, at a time that the caller says."""

from dataclasses import dataclass, replace
from enum import IntEnum

from projector.expectation.expectation import Expectation

_SKEW_MS = 30_000
"""By which a producer's clock may be behind, or a scheduler early; a cron's moments are a minute apart."""


class State(IntEnum):
    """How an expectation fares, by the exit statuses of monitoring plugins. WARNING: it holds, but the answer may be
    old. UNKNOWN: there is nothing to judge."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of an action's runs; moments in epoch ms, durations in ms, None where there is none.

    `failures` is how many failed in a row, and `duration_ms` what the last one took; or, where a time `since` was
    asked about, how many failed in it, and the longest, `complete` if all of that time is known. `started_at` is the
    latest start, `running_since` the earliest start of what has not ended.
    """

    failures: int = 0
    error: str | None = None
    first_at: int | None = None
    last_success_at: int | None = None
    started_at: int | None = None
    running_since: int | None = None
    duration_ms: int | None = None
    since: int | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Of `expectation` by `facts` at the moment `at` (epoch ms). `broken` names what does not hold: `schedule`,
    `failures`, `running`, `duration`, `age`; `stale` is why the answer may be old."""

    expectation: Expectation
    facts: Facts
    at: int
    state: State
    broken: tuple[str, ...] = ()
    stale: str | None = None

    @property
    def age_ms(self) -> int | None:
        """Since the last success, or since the action was first seen without one."""
        facts = self.facts
        known = (facts.last_success_at, facts.first_at, facts.running_since)
        return next((self.at - moment for moment in known if moment is not None), None)

    @property
    def running_ms(self) -> int | None:
        """For how long the oldest run in flight runs."""
        return None if self.facts.running_since is None else self.at - self.facts.running_since


def judge(expectation: Expectation, facts: Facts, *, now: int, stale: str | None = None) -> Judgement:
    """Whether `expectation` holds at `now` (epoch ms); `stale` says why the facts may be old."""
    stale = stale or (None if facts.complete else "the history of that time is not complete")
    found = Judgement(expectation=expectation, facts=facts, at=now, state=State.UNKNOWN, stale=stale)
    due = expectation.due_at(now)
    if found.age_ms is None and (due is None or stale):
        return found
    late = due is not None and (facts.started_at is None or facts.started_at < due - _SKEW_MS)
    measured = {
        "failures": (facts.failures, expectation.max_failures),
        "running": (found.running_ms, expectation.max_duration_ms),
        "duration": (facts.duration_ms, expectation.max_duration_ms),
        "age": (found.age_ms, expectation.max_age_ms),
    }
    over = [name for name, (value, most) in measured.items() if most is not None and (value or 0) > most]
    broken = (*(["schedule"] if late else []), *over)
    state = State.CRITICAL if broken else State.WARNING if stale else State.OK
    return replace(found, broken=broken, state=state)
