"""What a process counts of its own work, and hears from those that it has started."""

from __future__ import annotations

from projector.metrics.commits import COMMIT_SECONDS, Activity, Figures, Report


def test_commits_are_counted_by_their_duration() -> None:
    activity = Activity()
    for seconds in (0.001, 0.0011, 0.3, 60.0):
        activity.of("a").committed(seconds)
    activity.of("a").is_active(True)
    found = activity.figures()["a"]
    counts = dict(zip((*COMMIT_SECONDS, "more"), found.counts, strict=True))
    assert {bound: count for bound, count in counts.items() if count} == {0.001: 1, 0.002: 1, 0.5: 1, "more": 1}
    assert found.active
    assert 60.3 < found.seconds < 60.31


def test_what_processes_did_stays_counted_after_their_end() -> None:
    activity, counts = Activity(), [1] * (len(COMMIT_SECONDS) + 1)
    activity.heard(1, Report({"a": Figures(True, counts, 1.0)}))
    activity.heard(1, Report({"a": Figures(True, [2 * count for count in counts], 2.0)}))
    activity.ended(1)
    activity.ended(1)
    assert activity.figures()["a"] == Figures(False, [2 * count for count in counts], 2.0)
    activity.heard(2, Report({"a": Figures(True, counts, 1.0)}))
    assert activity.figures()["a"] == Figures(True, [3 * count for count in counts], 3.0)


def test_a_loop_that_does_not_come_round_is_silent() -> None:
    now = 0.0
    activity = Activity(monotonic=lambda: now)
    now = 5.0
    assert activity.silent_for == 5.0
    activity.of("a").beat()
    assert activity.silent_for == 0.0


def test_the_silence_that_is_told_is_that_of_whichever_loop_is_silent_for_longest() -> None:
    now = 0.0
    activity = Activity(monotonic=lambda: now)
    activity.beat(["a", "b"])
    now = 5.0
    activity.of("a").beat()
    activity.beat(["a", "b"])
    assert activity.silent_for == 5.0
    activity.beat(["a"])
    assert activity.silent_for == 0.0
    activity.heard(1, activity.report())
    activity.heard(2, Report(silent_for=7.0))
    now = 6.0
    activity.beat()
    assert activity.silent_for == 8.0
    activity.ended(2)
    assert activity.silent_for == 1.0
    activity.ended(1)
    assert activity.silent_for == 0.0
