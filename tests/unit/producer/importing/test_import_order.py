"""Files to import whose lines are out of order, absent, bad or of other types: who has which number, and what is
claimed of the others."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import fakeredis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from producer.importing.importer import Importer, Summary
from producer.importing.log_file import LogFile
from producer.importing.numbers import FAR
from projector.fold.sequence import Sequence
from tests.support.foreign_log import OTHER, STARTED, add, entries, line

BAD = b"no JSON"


def start(sequence: int, *, machine_id: str = "m-1") -> bytes:
    return line(sequence, {**STARTED, "execution_id": f"r{sequence}"}, machine_id=machine_id)


def plain(at: int) -> bytes:
    return json.dumps({**STARTED, "started_at": 1_790_000_000_000 + at}).encode()


@pytest.fixture
def client() -> Any:
    return fakeredis.FakeRedis()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wal"


class Counted(NamedTuple):
    """What the fold makes of the numbers of a producer."""

    new: list[int]
    missing: list[list[int]]


def counted(client: Any, by: str = "m-1") -> Counted:
    sequence, new = Sequence.new(), []
    for whose, seq, acked in entries(client):
        if whose == by and sequence.judge(seq, acked, 1000)[0] == "new":
            new.append(seq)
    return Counted(new, sequence.gaps)


# -- the order --


@pytest.mark.parametrize(
    ("order", "bad"),
    [([0, 2, 1, 3], [3]), ([3, 0, 1, 2], [2, 3, 4]), ([3, 2, 1, 0], [2, 3, 4]), ([1, 0, 3, 2], [2, 4])],
)
def test_a_line_behind_a_higher_number_is_bad_until_a_sorted_copy_comes(
    client: Any, path: Path, order: list[int], bad: list[int]
) -> None:
    summary = add(client, path, *map(start, order))
    assert (summary.lines, summary.appended, list(summary.bad), summary.unmendable) == (4, 4 - len(bad), bad, 0)
    assert all("sort the file by sequence" in reason for reason in summary.bad.values())
    first = counted(client)
    assert {number for low, high in first.missing for number in range(low, high + 1)} == {
        order[line - 1] + 1 for line in bad
    }
    assert add(client, path, *map(start, range(4))).bad == {}
    assert (sorted(counted(client).new), counted(client).missing) == ([1, 2, 3, 4], [])


def test_the_command_in_the_message_sorts_the_file_byte_by_byte(client: Any, path: Path) -> None:
    lines = [line(at, {**STARTED, "execution_id": f"é {at:02}: 1.50"}, machine_id="a:b") for at in range(12)]
    reasons = add(client, path, *reversed(lines)).bad.values()
    command = {reason.partition("again: ")[2] for reason in reasons}.pop()
    files = {"FILE": str(path), "SORTED": f"{path}.sorted"}
    subprocess.run(re.sub("FILE|SORTED", lambda found: files[found[0]], command), shell=True, check=True)
    assert Path(files["SORTED"]).read_bytes() == b"".join(one + b"\n" for one in lines)
    again = fakeredis.FakeRedis()
    assert (add(again, path, *lines).bad, counted(again, "a:b")) == ({}, Counted([*range(1, 13)], []))


def test_machines_whose_lines_are_mixed_keep_their_places(client: Any, path: Path) -> None:
    mixed = [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("b", 2), ("a", 2), ("b", 3)]
    add(client, path, *(start(sequence, machine_id=by) for by, sequence in mixed))
    assert [(by, seq - 1) for by, seq, _ in entries(client)] == mixed


def test_lines_of_other_types_may_come_late(client: Any, path: Path) -> None:
    summary = add(client, path, start(0), line(2, OTHER), start(1), start(4), line(3, OTHER), start(5))
    assert summary.bad == {}
    assert counted(client) == Counted([1, 2, 5, 6], [])


def test_a_part_of_a_log_claims_what_went_before(client: Any, path: Path) -> None:
    add(client, path, start(500), start(501), start(502))
    assert entries(client) == [("m-1", 501, 500), ("m-1", 502, 501), ("m-1", 503, 502)]


def test_a_line_out_of_order_far_into_the_file_is_found_and_nothing_is_sent_twice(client: Any, path: Path) -> None:
    order = [*range(1500), 1501, 1500, *range(1502, 1600)]
    summary = add(client, path, *map(start, order))
    assert (summary.lines, list(summary.bad)) == (1600, [1502])
    assert [seq for _, seq, _ in entries(client)] == [seq for seq in range(1, 1601) if seq != 1501]
    assert counted(client).missing == [[1501, 1501]]


# -- numbers that are wrong --


def test_a_number_far_from_all_others_is_bad_and_makes_no_duplicates_of_the_rest(client: Any, path: Path) -> None:
    summary = add(client, path, *map(start, (0, 1, 4_000_000, 3, 4)))
    assert counted(client) == Counted([1, 2, 4, 5], [[3, 3]])
    assert list(summary.bad) == [3]
    assert summary.bad[3] == "sequence: expected about 2, found 4000000, and no line that goes on from there"
    add(client, path, *map(start, range(7)))
    assert counted(client) == Counted([1, 2, 4, 5, 3, 6, 7], [])


def test_a_number_far_from_all_others_in_the_last_line_is_bad_and_claims_nothing(client: Any, path: Path) -> None:
    summary = add(client, path, *map(start, (0, 1, 900)))
    assert list(summary.bad) == [3]
    add(client, path, *map(start, range(4)))
    assert counted(client) == Counted([1, 2, 3, 4], [])


def test_a_number_far_from_all_others_that_later_lines_go_on_from_is_right(client: Any, path: Path) -> None:
    summary = add(client, path, *map(start, (0, 1, 900, 901)))
    assert entries(client)[2:] == [("m-1", 901, 900), ("m-1", 902, 901)]
    assert summary.bad == {}


def test_a_small_leap_in_the_last_line_is_imported_and_leaves_open_what_a_longer_copy_may_have(
    client: Any, path: Path
) -> None:
    assert add(client, path, *map(start, (0, 1, 4))).bad == {}
    assert counted(client) == Counted([1, 2, 5], [[3, 4]])
    add(client, path, *map(start, (0, 1, 2, 3, 4)))
    assert counted(client) == Counted([1, 2, 5, 3, 4], [])


def test_numbers_that_are_in_no_line_of_a_file_without_bad_lines_are_no_losses(client: Any, path: Path) -> None:
    add(client, path, *map(start, (0, 3, FAR, FAR + 1)))
    assert counted(client).missing == []


def test_a_number_that_comes_twice_with_another_operation_is_bad(client: Any, path: Path) -> None:
    another = line(1, {**STARTED, "execution_id": "another"})
    summary = add(client, path, start(0), start(1), another, start(3))
    assert summary.bad == {3: "sequence: expected each number once, found 1 as in line 2"}
    assert counted(client) == Counted([1, 2, 4], [[3, 3]])


def test_a_line_that_comes_twice_is_a_duplicate(client: Any, path: Path) -> None:
    summary = add(client, path, start(0), start(1), start(1), start(2))
    assert (summary.bad, summary.duplicates) == ({}, 1)
    assert counted(client) == Counted([1, 2, 3], [])


# -- what bad lines have lost --


@pytest.mark.parametrize("bad", [BAD, line(2, STARTED, checksum=1)], ids=["unreadable", "changed"])
def test_the_number_of_a_bad_line_is_missing_until_a_mended_copy_fills_it(
    client: Any, path: Path, bad: bytes
) -> None:
    summary = add(client, path, start(0), start(1), bad, start(3))
    assert entries(client) == [("m-1", 1, 0), ("m-1", 2, 1), ("m-1", 4, 2)]
    assert (list(summary.bad), summary.unmendable) == ([3], 0)
    mended = add(client, path, *map(start, range(4)))
    assert (mended.duplicates, mended.only_duplicates) == (3, False)
    assert counted(client) == Counted([1, 2, 4, 3], [])


def test_other_types_between_a_bad_line_and_the_next_operation_are_no_losses_and_it_is_said_of_the_bad_one(
    client: Any, path: Path
) -> None:
    summary = add(client, path, start(0), line(1, STARTED, checksum=1), line(2, OTHER), start(3))
    assert counted(client) == Counted([1, 4], [])
    assert summary.bad[2].endswith("; a mended copy would not add it, since what comes next is of another type")
    assert summary.unmendable == 1


def test_of_a_bad_line_behind_one_of_another_type_with_a_higher_number_it_is_said_too(
    client: Any, path: Path
) -> None:
    summary = add(client, path, start(0), line(2, OTHER), line(1, STARTED, checksum=1), start(3))
    assert counted(client) == Counted([1, 4], [])
    assert summary.bad[3].endswith("; a mended copy would not add it, since what comes next is of another type")
    assert summary.unmendable == 1


def test_a_bad_line_whose_number_the_claim_spares_for_the_sake_of_a_lower_one_can_be_mended(
    client: Any, path: Path
) -> None:
    disordered = start(1)
    summary = add(client, path, start(0), line(2, STARTED, checksum=1), disordered, line(3, OTHER), start(4))
    assert summary.unmendable == 0
    add(client, path, *map(start, range(3)), line(3, OTHER), start(4))
    assert sorted(counted(client).new) == [1, 2, 3, 5]


def test_a_bad_line_at_the_end_of_one_part_of_a_log_is_missing_behind_the_next(client: Any, tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(b"\n".join([start(0), line(1, STARTED, checksum=1), b""]))
    (tmp_path / "2").write_bytes(b"\n".join([start(2), start(3), b""]))
    importer = Importer(client, "otters")
    for name in "12":
        importer.add(LogFile(tmp_path / name))
    assert counted(client) == Counted([1, 3, 4], [[2, 2]])


def test_a_line_out_of_order_behind_bad_ones_at_the_end_of_a_part_of_a_log_is_missing_too(
    client: Any, tmp_path: Path
) -> None:
    bad = [line(sequence, STARTED, checksum=1) for sequence in (2, 3)]
    (tmp_path / "1").write_bytes(b"\n".join([start(0), *bad, start(1), b""]))
    (tmp_path / "2").write_bytes(b"\n".join([start(4), b""]))
    importer = Importer(client, "otters")
    for name in "12":
        importer.add(LogFile(tmp_path / name))
    assert counted(client) == Counted([1, 5], [[2, 4]])


class Lines(NamedTuple):
    """A file as it was damaged, and as it was."""

    damaged: list[bytes]
    intact: list[bytes]
    others: set[int]


@st.composite
def logs(draw: st.DrawFn) -> Lines:
    """Few lines, each good, of another type, changed or unreadable."""
    kinds = draw(st.lists(st.sampled_from(["good", "good", "other", "changed", "unreadable"]), max_size=12))
    made: dict[str, Callable[[int], bytes]] = {
        "unreadable": lambda _: BAD,
        "other": lambda at: line(at, OTHER),
        "changed": lambda at: line(at, STARTED, checksum=1),
        "good": start,
    }
    damaged = [made[kind](sequence) for sequence, kind in enumerate(kinds)]
    others = {sequence + 1 for sequence, kind in enumerate(kinds) if kind == "other"}
    intact = [line(at, OTHER) if at + 1 in others else start(at) for at in range(len(kinds))]
    return Lines(damaged, intact, others)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=logs())
def test_whatever_is_bad_a_mended_copy_adds_just_what_was_promised(tmp_path: Path, lines: Lines) -> None:
    client = fakeredis.FakeRedis()
    damaged = add(client, tmp_path / "w", *lines.damaged)
    first = counted(client)
    assert first.new == sorted(first.new)
    assert len(first.new) == damaged.appended
    assert not lines.others & {number for low, high in first.missing for number in range(low, high + 1)}
    mended = add(client, tmp_path / "w", *lines.intact)
    every = set(range(1, len(lines.intact) + 1)) - lines.others
    new, missing = counted(client)
    assert len(new) == len(set(new))
    assert len(every - set(new)) == damaged.unmendable
    assert missing == []
    assert mended.duplicates is not None
    assert mended.operations - mended.duplicates == len(new) - len(first.new)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=logs(), data=st.data())
def test_whatever_is_out_of_order_a_sorted_copy_adds_just_what_was_promised(
    tmp_path: Path, lines: Lines, data: st.DataObject
) -> None:
    client = fakeredis.FakeRedis()
    shuffled = add(client, tmp_path / "w", *data.draw(st.permutations(lines.intact)))
    first = counted(client)
    assert first.new == sorted(first.new)
    assert (len(first.new), shuffled.unmendable) == (shuffled.appended, 0)
    add(client, tmp_path / "w", *lines.intact)
    assert sorted(counted(client).new) == [at for at in range(1, len(lines.intact) + 1) if at not in lines.others]


# -- JSON Lines --


def names(client: Any) -> list[str]:
    return [by for by, _, _ in entries(client)]


def test_json_lines_are_named_by_their_first_operation_and_numbered_by_line(client: Any, tmp_path: Path) -> None:
    lines = [plain(at) for at in range(3)]
    add(client, tmp_path / "a", *lines[:2])
    add(client, tmp_path / "copied", *lines)
    add(client, tmp_path / "other", *lines[1:])
    ids = names(client)
    assert len(set(ids[:5])) == 1
    assert set(ids[5:]).isdisjoint(ids[:5])
    assert [seq for _, seq, _ in entries(client)] == [1, 2, 1, 2, 3, 1, 2]
    assert all(by.startswith("import:") and len(by) == len("import:") + 32 for by in ids)


@pytest.mark.parametrize(
    "head", [b'{"type":"log_opened","version":1}', b"# operations", b'{"type":"cleanup_executed"}', b""]
)
def test_files_that_begin_alike_with_what_is_no_operation_are_different_files(
    client: Any, tmp_path: Path, head: bytes
) -> None:
    add(client, tmp_path / "a", head, plain(1), plain(2))
    summary = add(client, tmp_path / "b", head, plain(3), plain(4), plain(5))
    assert (summary.appended, summary.duplicates) == (3, 0)
    assert len(set(names(client))) == 2
    assert add(client, tmp_path / "b", head, plain(3), plain(4), plain(5)).only_duplicates


def test_a_byte_order_mark_is_no_part_of_the_first_line(client: Any, tmp_path: Path) -> None:
    marked = add(client, tmp_path / "marked", b"\xef\xbb\xbf" + plain(1), plain(2))
    assert (marked.appended, marked.bad) == (2, {})
    assert add(client, tmp_path / "bare", plain(1), plain(2)).only_duplicates


@pytest.mark.parametrize("bad", [BAD, b'{"type":"cleanup_executed"}'], ids=["unreadable", "out of bounds"])
def test_a_bad_line_of_json_lines_is_missing_until_a_mended_copy_fills_it(
    client: Any, path: Path, bad: bytes
) -> None:
    add(client, path, plain(1), b"", bad, b"", plain(2))
    by = names(client)[0]
    assert [acked for _, _, acked in entries(client)] == [0, 2]
    add(client, path, plain(1), b"", plain(7), b"", plain(2))
    assert 3 in counted(client, by).new
    assert [number for low, high in counted(client, by).missing for number in range(low, high + 1)] == [4]


def test_of_a_bad_line_before_the_first_operation_of_json_lines_it_is_said_that_a_mended_copy_is_another_file(
    client: Any, path: Path
) -> None:
    summary: Summary = add(client, path, BAD, plain(2), plain(3))
    assert summary.bad[1].endswith("; a mended copy would count as another file, since it begins with it")
    assert summary.unmendable == 1
    assert counted(client, names(client)[0]).missing == []


def test_the_first_operation_alone_tells_a_longer_copy_from_another_file(client: Any, path: Path) -> None:
    add(client, path, plain(1), plain(2))
    summary = add(client, path, plain(1), plain(2), plain(3))
    assert (summary.is_named_by_itself, summary.duplicates, summary.operations) == (True, 2, 3)


# -- odd times --

SECONDS = (
    b'{"type":"cleanup_executed","scanner_id":"s","resource_id":"r",'
    b'"action":"delete","success":true,"executed_at":%d}'
)


def test_a_line_of_an_odd_time_is_bad_until_odd_times_are_allowed_and_only_it_is_new_then(
    client: Any, path: Path
) -> None:
    lines = [start(0), line(1, {**STARTED, "started_at": 1_790_000_000}), start(2)]
    summary = add(client, path, *lines)
    assert summary.bad == {
        2: "started_at: expected a time from the year 2000 to a day ahead of the clock (or allow_odd_times, "
        "--allow-odd-times), found 1790000000 ms, which is 1970-01-21 17:13:20 UTC; these look like seconds"
    }
    assert counted(client).missing == [[2, 2]]
    assert add(client, path, *lines, allow_odd_times=True).bad == {}
    assert counted(client) == Counted([1, 3, 2], [])


def test_json_lines_keep_their_name_when_their_first_line_has_an_odd_time(client: Any, path: Path) -> None:
    """Else an import that allows the time would add all lines a second time, under another name."""
    lines = [SECONDS % 1_790_000_000, plain(1), plain(2)]
    summary = add(client, path, *lines)
    assert summary.bad[1].endswith(
        "these look like seconds; a mended copy would count as another file, since it begins with it"
    )
    assert summary.unmendable == 1
    allowed = add(client, path, *lines, allow_odd_times=True)
    assert (allowed.operations, allowed.duplicates, allowed.bad) == (3, 2, {})
    assert len(set(names(client))) == 1


def test_a_log_that_gives_seconds_throughout_is_not_imported(client: Any, path: Path) -> None:
    summary = add(client, path, *(SECONDS % (1_790_000_000 + number) for number in range(3)))
    assert (summary.operations, len(summary.bad)) == (0, 3)
    assert entries(client) == []
