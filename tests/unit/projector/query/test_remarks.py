"""What results mean in plain text, so that a page outside of the terminal can say the same."""

from __future__ import annotations

from typing import Any, cast

import pytest

from projector.query import ActionStats
from projector.query.remarks import outcome, state


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


@pytest.mark.parametrize(
    ("total", "failures", "text"),
    [(0, 0, "–"), (5, 0, "ok"), (5, 1, "failed: refused"), (5, 2, "failed 2 times in a row: refused")],
)
def test_the_state_of_an_action_is_that_of_its_latest_run(total: int, failures: int, text: str) -> None:
    """An error from before the latest success is no part of it."""
    stats: Any = Stats(total, failures)
    assert state(cast(ActionStats, stats)) == text
