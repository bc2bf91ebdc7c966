"""What the API asks a query for, how often a parameter may be repeated, and what an error means in HTTP."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.exceptions import HTTPException

from projector.answers.parameter import WrongParameter
from projector.errors import (
    ArchiveUnavailable,
    ConfigMismatch,
    Damaged,
    InvalidQuery,
    ProjectorError,
    ServerRefused,
    ServerUnavailable,
    TooManyStreams,
    TooMuchWork,
)
from projector.query import Query, Running
from projector.records import InFlightRecord
from projector.web.api.openapi import parameters_of
from projector.web.api.parameters import NAMESPACE, REPEATED, arguments_of
from projector.web.api.resources import RESOURCES, Visit
from projector.web.statuses import status_of

NOW = datetime(2026, 11, 28, tzinfo=UTC)
RUNS = 1001
"""One more than there are in lists that tell whether they are complete."""


class Busy(Query):
    """Runs of `Deploy-0` and so on, and as many that are presumed dead."""

    def __init__(self) -> None:
        pass

    def orphans(self) -> list[InFlightRecord]:
        rest: dict[str, Any] = {"execution_id": None, "by": None, "heartbeats": False, "entry_id": "1-0"}
        return [InFlightRecord(f"Deploy-{number}", "s", "t", 0, **rest) for number in range(RUNS)]

    def running(self, limit: int | None = None) -> list[Running]:
        return [Running(**asdict(each), p95_duration_ms=None, overdue=False) for each in self.orphans()[:limit]]


@pytest.mark.parametrize("orphans", ["true", "false"])
def test_all_that_runs_is_told_unless_a_request_narrows_it(orphans: str) -> None:
    resource = next(each for each in RESOURCES if each.path == "in-flight")

    def found(**parameters: str) -> list[str]:
        asked = arguments_of(parameters.items(), parameters_of(resource), NOW)
        visit = Visit(query=Busy(), asked=asked, names={}, url="", namespaces=("n",), progress=lambda *_: None)
        return [each.action_id for each in resource.answer(visit).document]

    assert len(found(orphans=orphans)) == RUNS
    assert found(orphans=orphans, limit="1") == ["Deploy-0"]
    assert found(orphans=orphans, q="deploy-100", limit="2") == ["Deploy-100", "Deploy-1000"]


def test_a_request_names_so_many_namespaces_and_no_more() -> None:
    names = [("namespace", f"n{number}") for number in range(REPEATED + 1)]
    assert len(arguments_of(names[1:], [NAMESPACE], NOW).get("namespace")) == REPEATED
    with pytest.raises(WrongParameter, match="namespace: expected at most 50 values, found more"):
        arguments_of(names, [NAMESPACE], NOW)


@pytest.mark.parametrize(
    ("error", "status", "of_one"),
    [
        (WrongParameter("until", "it lies before since"), 400, 400),
        (InvalidQuery("resource", "text", ""), 400, 400),
        (HTTPException(404), 404, 404),
        (TooManyStreams(""), 429, 429),
        (Damaged(""), 500, 500),
        (ConfigMismatch(""), 500, 500),
        (ProjectorError(""), 500, 404),
        (ServerRefused(""), 502, 502),
        (ServerUnavailable(""), 503, 503),
        (ArchiveUnavailable(""), 503, 503),
        (TooMuchWork(""), 503, 503),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_has_one_status_and_where_one_thing_is_named_it_may_not_be_there(
    error: Exception, status: int, of_one: int
) -> None:
    assert (status_of(error)[0], status_of(error, names_one=True)[0]) == (status, of_one)
