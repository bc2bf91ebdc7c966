"""What results mean in plain text, so that a page outside of the terminal can say the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from projector.query import ActionStats
from projector.query.remarks import did_you_mean, notice, outcome, state
from tests.support.report import STATUS


@pytest.mark.parametrize(
    ("success", "error", "times", "text"),
    [
        (True, None, 1, "ok"),
        (True, "a warning", 1, "ok: a warning"),
        (False, None, 1, "failed"),
        (False, "refused", 1, "failed: refused"),
        (False, "refused", 1200, "failed 1,200 times in a row: refused"),
    ],
)
def test_an_outcome_names_the_error_and_how_often_in_a_row(
    success: bool, error: str | None, times: int, text: str
) -> None:
    assert outcome(success, error, times=times) == text


class Stats:
    """As much of ActionStats as its state depends on."""

    def __init__(self, total_executions: int, consecutive_failures: int) -> None:
        self.total_executions = total_executions
        self.consecutive_failures = consecutive_failures
        self.last_error = "refused"
        self.orphaned = 0


@pytest.mark.parametrize(
    ("total", "failures", "text"),
    [(0, 0, "–"), (5, 0, "ok"), (5, 1, "failed: refused"), (5, 2, "failed 2 times in a row: refused")],
)
def test_the_state_of_an_action_is_that_of_its_latest_run(total: int, failures: int, text: str) -> None:
    """An error from before the latest success is no part of it."""
    stats: Any = Stats(total, failures)
    assert state(cast(ActionStats, stats)) == text


@pytest.mark.parametrize(
    ("name", "names", "told"),
    [
        ("deplyo", ["backup", "deploy"], " Did you mean deploy?"),
        ("tf16bab5c3ad5", ["tff1bac7a251e"], ""),
        ("Deploy", ["deploy-docs", "deploy"], " Did you mean deploy?"),
        ("nosuch", ["backup", "deploy"], ""),
        ("nosuch", [], ""),
        ("x" * 250, ["x" * 251], ""),  # thousands of such names would take minutes to compare
    ],
)
def test_the_name_that_was_meant_is_one_that_is_like_it(name: str, names: list[str], told: str) -> None:
    assert did_you_mean(name, names) == told


def test_an_entry_that_the_log_lacks_is_told_by_every_answer() -> None:
    told = "1 entry was deleted from the log; what is lost: projector doctor"
    assert notice(replace(STATUS, wal_length=999)) == told
    assert notice(replace(STATUS, wal_length=999, lost=1)) is None
    assert notice(replace(STATUS, wal_length=999, lag=None)) != told
