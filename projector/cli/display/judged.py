"""Judgements of expectations in the manner of monitoring plugins: `STATE - text | label=value;;critical;0`."""

from collections import Counter
from collections.abc import Sequence

from producer.text.wording import counted
from projector.answers.wording.amounts import ago, clock_time, duration
from projector.cli.display.wording import visible
from projector.expectation import Judgement, State

_WORST_FIRST = (State.CRITICAL, State.UNKNOWN, State.WARNING, State.OK)
_LONGEST = 200
"""Characters of an error in a line."""


def worst_first(judgements: Sequence[Judgement]) -> list[Judgement]:
    return sorted(judgements, key=lambda judgement: _WORST_FIRST.index(judgement.state))


def judged_line(judgement: Judgement) -> str:
    """One expectation with its performance data."""
    expected, facts, age_ms = judgement.expectation, judgement.facts, judgement.age_ms
    figures = (
        _figure("failures", facts.failures, expected.max_failures),
        _figure("age", *(None if ms is None else ms // 1000 for ms in (age_ms, expected.max_age_ms)), unit="s"),
        _figure("duration", facts.duration_ms, expected.max_duration_ms, unit="ms"),
    )
    return f"{_line(judgement)} | {' '.join(figures)}\n"


def judged_lines(judgements: Sequence[Judgement]) -> str:
    """All of them: the worst with how many of each state there are, then a line each, the worst first."""
    found = worst_first(judgements)
    counts = Counter(judgement.state for judgement in found)
    figures = " ".join(f"{state.name.lower()}={counts[state]}" for state in State)
    if found[0].state is State.OK:
        first = f"OK - {counted(len(found), 'expectation holds', 'expectations hold')}"
    else:
        first = f"{_line(found[0])} ({counts[State.OK]} of {counted(len(found), 'expectation')} OK)"
    return "".join(f"{line}\n" for line in (f"{first} | {figures}", *map(_line, found)))


def _line(judgement: Judgement) -> str:
    text = f"{judgement.state.name} - {judgement.expectation.action_id}: {_text(judgement)}"
    if judgement.stale and judgement.state is not State.UNKNOWN:
        text += f"; this may not be all: {judgement.stale}"
    return visible(text).replace("|", "\\x7c")  # which begins the performance data


def _text(judgement: Judgement) -> str:
    if judgement.state is State.UNKNOWN:
        return "it was never seen" + (f"; {judgement.stale}" if judgement.stale else "")
    if judgement.broken:
        return "; ".join(_broken(name, judgement) for name in judgement.broken)
    if judgement.facts.last_success_at is None:
        return "it has not succeeded yet"
    return f"last success {ago(judgement.facts.last_success_at, judgement.at)}"


def _broken(name: str, judgement: Judgement) -> str:
    expected, facts = judgement.expectation, judgement.facts
    match name:
        case "schedule":
            due = expected.due_at(judgement.at)
            assert due is not None
            last = "never" if facts.started_at is None else ago(facts.started_at, judgement.at)
            if expected.every_ms is not None:
                return f"last start {last}, expected every {duration(expected.every_ms)}"
            return f"no start since {clock_time(due)}, when it was due (last start {last})"
        case "failures":
            where = "in a row" if facts.since is None else f"since {clock_time(facts.since)}"
            error = f": {facts.error[:_LONGEST]}" if facts.error else ""
            return f"{counted(facts.failures, 'failure')} {where} (at most {expected.max_failures}){error}"
        case "running":
            return (
                f"runs for {duration(judgement.running_ms or 0)} (at most {duration(expected.max_duration_ms or 0)})"
            )
        case "duration":
            took = duration(facts.duration_ms or 0)
            return f"a run took {took} (at most {duration(expected.max_duration_ms or 0)})"
    age = duration(judgement.age_ms or 0)
    success = f"no success for {age}" if facts.last_success_at is None else f"last success {age} ago"
    return f"{success} (at most {duration(expected.max_age_ms or 0)})"


def _figure(label: str, value: int | None, most: int | None, *, unit: str = "") -> str:
    return f"{label}={'U' if value is None else f'{value}{unit}'};;{'' if most is None else most};0"
