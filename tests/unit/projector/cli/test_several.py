"""What is said about several namespaces that are read together: which lacks what, and the command that helps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from projector.answers.wording.amounts import size
from projector.answers.wording.several import Several
from projector.query import Status
from tests.support.report import STATUS

IDLE: dict[str, Any] = {"lease_holder": None, "lease_ttl_ms": None}
EMPTY: dict[str, Any] = {**IDLE, "checkpoint": None, "entries": 0, "wal_length": 0, "trimmed": 0}


def status(namespace: str, **changed: Any) -> Status:
    return replace(STATUS, namespace=namespace, **changed)


def waiting(namespace: str, lag: int, **changed: Any) -> Status:
    return status(namespace, lag=lag, wal_length=1000 + lag, **changed)


A, B, C = (status(f"team-{letter}") for letter in "abc")


@pytest.mark.parametrize(
    ("wanted", "statuses", "told"),
    [
        (["team-*"], [A, B], None),
        (
            ["team-*"],
            [A, waiting("team-b", 5, **IDLE), waiting("team-c", 2, **IDLE)],
            "2 of 3 namespaces have no active projector (team-b, team-c); 7 entries wait there; start one: "
            "projector run --namespace team-b --namespace team-c",
        ),
        (
            ["team-*"],
            [status("team-a", **IDLE), B],
            "1 of 2 namespaces has no active projector (team-a); start one: projector run --namespace team-a",
        ),
        (
            ["team-*", "billing"],
            [status("billing", **IDLE), status("team-a", **IDLE)],
            "none of 2 namespaces has an active projector; start one: "
            "projector run --namespace 'team-*' --namespace billing",
        ),
        (
            ["otters"],
            [status("otters.00", **IDLE), status("otters.01", **IDLE)],
            "none of 2 namespaces has an active projector; start one: projector run",
        ),
        (
            ["team-*"],
            [A, *(status(f"team-{number:02}", **IDLE) for number in range(14))],
            "14 of 15 namespaces have no active projector (team-00, team-01, team-02, team-03, team-04, … and 9 "
            "more); start one: projector run --namespace 'team-*'",
        ),
        (
            ["team-?"],
            [waiting("team-a", 1, **IDLE)],
            "no projector is active in namespace team-a; start one: projector run --namespace team-a",
        ),
        (
            ["team-*"],
            [waiting("team-a", 3), waiting("team-b", 4), C],
            "the projector of team-a, team-b is behind: 7 entries wait",
        ),
        (
            ["team-*"],
            [replace(A, torn=True), waiting("team-b", 1, **IDLE), C],
            "1 of 3 namespaces has no active projector (team-b); 1 entry waits there; start one: projector run "
            "--namespace team-b\n"
            "team-a: the last commit was cut off half written; repair it with: projector rebuild --namespace team-a",
        ),
        (
            ["team-*"],
            [replace(A, wal_length=999), B],
            "team-a: 1 entry was deleted from the log; what is lost: projector doctor --namespace team-a",
        ),
        (["team-*", "x-*", "otter?"], [status("otters.00"), A], "no namespace is like 'x-*'"),
        (
            ["team-a", "team-bb"],
            [A, status("team-bb", **EMPTY)],
            "nothing has been recorded in namespace team-bb yet. Did you mean team-b?",
        ),
        (["otters"], [status("otters.00"), status("otters.01", **EMPTY)], None),
    ],
    ids=[
        "all is well",
        "some without a projector",
        "one without a projector",
        "all without: as was asked",
        "partitions: as was asked",
        "many without",
        "the only one that a glob takes",
        "behind",
        "damaged, by itself",
        "deleted, by itself",
        "a glob that takes none",
        "a name that may be mistyped",
        "a partition that nothing came to",
    ],
)
def test_a_notice_names_the_namespaces_and_the_right_command(
    wanted: list[str], statuses: list[Status], told: str | None
) -> None:
    assert Several(wanted, statuses, lambda: ["team-a", "team-b"]).notice() == told


@pytest.mark.parametrize(
    ("wanted", "statuses", "there", "told"),
    [
        (["team-*"], [A], [], "nothing runs"),
        (["team-*"], [A, status("team-b", **EMPTY)], [], "nothing runs"),
        (
            ["team-*", "x"],
            [status("team-a", **{**EMPTY, "lag": 5, "wal_length": 5}), status("x", **EMPTY)],
            [],
            "nothing has been projected in namespace team-a yet",
        ),
        (["tema-*"], [], ["a", "b"], "no namespace is like 'tema-*'; namespaces on this server: a, b"),
        (["a-*", "b-*"], [], [], "no namespace is like 'a-*' or 'b-*'"),
        (
            ["*"],
            [],
            [],
            "nothing has been recorded on this server yet; "
            "record something with: producer run --action hello -- echo hello",
        ),
        (
            ["a", "b"],
            [status("a", **EMPTY), status("b", **EMPTY)],
            ["otters"],
            "nothing has been recorded in namespaces a, b yet; namespaces on this server: otters",
        ),
    ],
    ids=["projected", "one of them", "nothing projected", "no match", "no match at all", "an empty server", "names"],
)
def test_why_there_is_nothing(wanted: list[str], statuses: list[Status], there: list[str], told: str) -> None:
    assert Several(wanted, statuses, lambda: there).why_nothing("nothing runs") == told


def test_one_name_without_partitions_is_not_several_but_whatever_a_glob_takes_is() -> None:
    assert Several.of("team-a", [A]) is None
    for told, statuses in (("team-*", [A]), ("team-a, team-b", [A, B]), ("otters", [status("otters.00")])):
        found = Several.of(told, statuses)
        assert found is not None
        assert found.wanted == told.split(", ")


def test_those_without_a_projector_are_named_whether_or_not_they_need_one_now() -> None:
    assert Several(["*"], [A, B]).without_projector() is None
    told = Several(["*"], [A, status("team-b", **EMPTY)]).without_projector()
    assert told == "1 of 2 namespaces has no active projector (team-b); start one: projector run --namespace team-b"
    endless = status("team-b", lease_holder="somebody", lease_ttl_ms=None)
    told = Several(["*"], [A, endless]).without_projector()
    assert (told or "").startswith("no projector is active in namespace team-b; somebody wrote its lease")
    assert Several(["x-*"], []).without_projector() == "no namespace is like 'x-*'"


@pytest.mark.parametrize(
    ("count", "told"),
    [(None, "–"), (0, "0 B"), (1023, "1,023 B"), (1536, "1.5 KiB"), (20 << 20, "20.0 MiB"), (5 << 30, "5.0 GiB")],
)
def test_a_size_is_told_in_the_units_of_its_size(count: int | None, told: str) -> None:
    assert size(count) == told
