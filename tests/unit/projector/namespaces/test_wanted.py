"""What somebody means by names and globs."""

from __future__ import annotations

import re

import pytest

from producer.errors import UnusableServer
from producer.partitions.naming import partition_number, partition_of
from projector.namespaces.wanted import Wanted


def test_names_and_globs_are_told_apart_and_each_counts_once() -> None:
    wanted = Wanted.of(["team-*", "billing", "team-*", "a.[0-9]", "billing"])
    assert wanted == Wanted(names=("billing",), globs=("team-*", "a.[0-9]"))
    assert str(wanted) == "billing, team-*, a.[0-9]"


@pytest.mark.parametrize(
    ("glob", "taken", "not_taken"),
    [
        ("team-*", ["team-", "team-a", "team-a.00"], ["team", "a-team-b", "Team-a"]),
        ("team-?", ["team-a"], ["team-", "team-ab"]),
        ("t[a-c]", ["ta", "tc"], ["td", "t-"]),
        ("t[!a-c]", ["td"], ["ta"]),
    ],
)
def test_a_glob_takes_whole_names_as_a_shell_would(glob: str, taken: list[str], not_taken: list[str]) -> None:
    wanted = Wanted.of([glob])
    assert [name for name in taken + not_taken if wanted.matches(name)] == taken


@pytest.mark.parametrize(
    ("texts", "found"),
    [(["bad name"], "'bad name'"), (["team/*"], "'team/*'"), ([""], "''"), (["*" * 65], "'**"), ([], "none")],
)
def test_what_is_neither_is_refused_with_what_was_found(texts: list[str], found: str) -> None:
    with pytest.raises(UnusableServer, match=f"^namespace: expected .*, found {re.escape(found)}"):
        Wanted.of(texts)


def test_partitions_have_two_digits_or_more_so_that_they_sort_up_to_a_hundred() -> None:
    assert [partition_of("otters", number) for number in (0, 7, 15, 100)] == [
        "otters.00",
        "otters.07",
        "otters.15",
        "otters.100",
    ]


@pytest.mark.parametrize(
    ("name", "of_sixteen", "of_five"), [("deploy", 10, 1), ("nightly-backup", 8, 4), ("Ünïcode ✓", 1, 0), ("", 0, 0)]
)
def test_the_partition_of_a_name_is_the_same_for_ever_and_in_every_language(
    name: str, of_sixteen: int, of_five: int
) -> None:
    """CRC-32 of the UTF-8, modulo the number: `python -c 'import zlib; print(zlib.crc32(b"deploy") % 16)'`."""
    assert (partition_number(name, 16), partition_number(name, 5)) == (of_sixteen, of_five)
