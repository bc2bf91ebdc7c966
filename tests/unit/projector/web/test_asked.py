"""What a request asks for: arguments that are odd are refused in words, links keep what they are to keep."""

from __future__ import annotations

from typing import Any

import pytest

from producer.errors import WalError
from projector.errors import Damaged
from projector.web.page.asked import LAST_PAGE, Asked, Trouble

NOW = 1_790_000_000_000


def asked(*arguments: tuple[str, str], **more: Any) -> Asked:
    return Asked(
        query=None,  # type: ignore[arg-type]
        path="/runs",
        arguments=arguments,
        now=NOW,
        progress=lambda _done, _total: None,
        **more,
    )


@pytest.mark.parametrize("page", ["0", "201", "-1", "x", "١", "1.0", "0000000011", "000000001999999", "9" * 4000])
def test_a_page_is_a_number_within_its_bounds(page: str) -> None:
    with pytest.raises(WalError, match=f"a number from 1 to {LAST_PAGE}"):
        _ = asked(("page", page)).page


def test_pages_are_counted_from_one() -> None:
    assert (asked().page, asked(("page", " 200 ")).page) == (1, LAST_PAGE)


@pytest.mark.parametrize(
    "argument",
    [
        ("failed", "maybe"),
        ("type", "nosuch"),
        ("label", "no-value"),
        ("longer_than", "soon"),
        ("longer_than", "9" * 400 + "d"),
    ],
)
def test_a_filter_that_cannot_be_read_is_refused_in_words(argument: tuple[str, str]) -> None:
    with pytest.raises(WalError, match="expected"):
        asked(argument).where()


@pytest.mark.parametrize("since", ["soon", "99999999999999999d", "\0"])
def test_a_time_that_cannot_be_read_is_refused_in_words(since: str) -> None:
    with pytest.raises(WalError):
        _ = asked(("since", since)).between


def test_the_last_of_several_counts_and_blanks_around_it_do_not() -> None:
    assert asked(("q", "a"), ("q", " b ")).one("q") == "b"
    assert asked().one("q", "none") == "none"


def test_links_keep_the_state_of_this_page_and_only_the_namespaces_for_another() -> None:
    here = asked(("namespace", "a b"), ("grep", "x&y=1"), ("since", ""), ("page", "3"), prefix="/wal")
    assert here.link(page=4) == "/wal/runs?namespace=a%20b&grep=x%26y%3D1&page=4"
    assert here.link(page=None) == "/wal/runs?namespace=a%20b&grep=x%26y%3D1"
    assert here.link("/action", id='<"/é') == "/wal/action?namespace=a%20b&id=%3C%22%2F%C3%A9"
    assert here.api("recent", format="csv") == "/wal/api/v1/recent?namespace=a%20b&grep=x%26y%3D1&format=csv"


def test_a_damaged_part_leaves_the_rest_and_another_fault_does_not() -> None:
    def damaged() -> None:
        raise Damaged("{n}:failures holds a set")

    def fault() -> None:
        raise KeyError("x")

    assert asked().part(damaged) == Trouble("{n}:failures holds a set")
    with pytest.raises(KeyError):
        asked().part(fault)
