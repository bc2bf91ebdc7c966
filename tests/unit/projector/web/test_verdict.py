"""Is all well, in one line: good, worth knowing, or bad and why."""

from __future__ import annotations

from typing import Any

import pytest

from projector.query import Status
from projector.query.results import LastVerified
from projector.web.page.asked import Trouble
from projector.web.page.verdict import verdict_of

NOW = 1_790_000_000_000
WELL: dict[str, Any] = dict.fromkeys(Status.__slots__, 0) | {
    "namespace": "n",
    "checkpoint": "5-0",
    "entries": 5,
    "wal_length": 5,
    "lease_holder": "host:1:x",
    "lease_ttl_ms": 10_000,
    "schema": None,
    "config": {},
    "torn": False,
    "archive_head": None,
    "archive_last_id": None,
    "room_seconds": None,
}


def verified(*, identical: bool = True, at: int = NOW - 7_200_000) -> LastVerified:
    return LastVerified(at=at, entry_id="5-0", entries=5, identical=identical, moved=False, by="me")


def told(
    remark: str | None = None,
    found: dict[str, LastVerified | None] | Trouble | None = None,
    unaccepted: int | None = None,
    **changed: Any,
) -> tuple[str, str]:
    """The verdict's kind, and all that it says."""
    found = {"n": None} if found is None else found
    verdict = verdict_of(Status(**WELL | changed), remark, found, NOW, unaccepted=unaccepted)
    return verdict.kind, "\n".join((verdict.line, *verdict.reasons))


def test_all_is_well_and_when_that_was_verified() -> None:
    kind, text = told(found={"n": verified()})
    assert (kind, text) == (
        "good",
        "All is well: projector active, nothing waits, nothing missing; verified 2 h ago: identical",
    )
    assert "never verified (projector verify)" in told()[1]
    assert "projector active, 3 entries wait, nothing missing" in told(lag=3)[1]
    assert "(1 of 2 namespaces)" in told(found={"a": verified(), "b": None})[1]


def test_nothing_recorded_is_no_trouble() -> None:
    empty: dict[str, Any] = {
        "checkpoint": None,
        "entries": 0,
        "wal_length": 0,
        "lease_holder": None,
        "lease_ttl_ms": None,
    }
    assert told(**empty) == ("good", "Nothing has been recorded yet")


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ({"remark": "no projector is active"}, "no projector is active"),
        ({"missing": 2}, "2 operations missing"),
        ({"missing": 2, "unaccepted": 1}, "1 operation missing: recorded or attempted"),
        ({"room_seconds": 3600}, "memory"),
        ({"found": Trouble("{n}:verified holds garbage")}, "{n}:verified holds garbage"),
        ({"found": {"n": verified(identical=False)}}, "n: the last verify found the projection different"),
    ],
)
def test_what_is_bad_is_said_and_nothing_hides_it(case: dict[str, Any], words: str) -> None:
    kind, text = told(**case)
    assert kind == "bad"
    assert "Not all is well" in text
    assert words in text
    assert "All is well:" not in text
    kind, text = told(**{"lost": 3, "quarantined": 1, **case})
    assert kind == "bad"
    assert "3 entries of the log lost for ever" in text


def test_what_is_settled_or_set_aside_is_worth_knowing() -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"missing": 3, "unaccepted": 0}, "3 operations missing for good, or as somebody has accepted"),
        ({"lost": 1}, "1 entry of the log lost"),
        ({"quarantined": 2}, "2 entries in the quarantine"),
    ]
    for changed, words in cases:
        kind, text = told(**changed)
        assert kind == "warn"
        assert text.startswith("Nearly all is well")
        assert words in text


def test_room_for_days_is_no_trouble() -> None:
    assert told(room_seconds=10 * 86_400)[0] == "good"
