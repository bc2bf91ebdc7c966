"""A line of a segment: JSON that a person reads, from which each byte of the entry comes back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.log import Entry
from projector.archive.line import entry_of, line_of

OP = (
    b'{"type":"cleanup_executed","scanner_id":"s","resource_id":"r","action":"delete","success":true,"executed_at":1}'
)

names = st.sampled_from([b"op", b"by", b"seq", b"acked", b"retry_of", b"fields", b"id"]) | st.binary(max_size=5)
values = (
    st.sampled_from([OP, b" {} ", b'{"a":\n1}', b"5", b"007", b"0", b"9" * 16, b"9" * 17, b'","op":', b'"', b"\xff"])
    | st.text(max_size=8).map(str.encode)
    | st.binary(max_size=8)
)
ids = st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)).map(lambda pair: b"%d-%d" % pair)
anything = st.lists(st.tuples(names, values), max_size=6).map(lambda pairs: [word for pair in pairs for word in pair])
producers = st.tuples(values, values, values, values).map(
    lambda found: [b"op", found[0], b"by", found[1], b"seq", found[2], b"acked", found[3]]
)


@given(st.tuples(ids, anything | producers))
def test_every_entry_comes_back_byte_for_byte_from_one_line_of_json(entry: Entry) -> None:
    line = line_of(entry)
    assert entry_of(line) == entry
    assert line_of([*entry]) == line  # type: ignore[arg-type] # as a server's reply has it
    assert b"\n" not in line
    assert json.loads(line)["id"] == entry[0].decode()


def test_a_producers_entry_is_readable_and_its_operation_stands_there_as_it_came() -> None:
    line = line_of((b"1-0", [b"op", OP, b"by", b'h:1:"x"', b"seq", b"7", b"acked", b"6"]))
    assert line == rb'{"id":"1-0","by":"h:1:\"x\"","seq":7,"acked":6,"op":' + OP + b"}"


def test_what_the_keys_cannot_give_back_stands_beside_them() -> None:
    found = json.loads(line_of((b"1-0", [b"by", b"h:1:x", b"seq", b"007", b"op", OP])))
    assert list(found) == ["id", "by", "fields", "op"]
    assert found["op"]["scanner_id"] == "s"


@pytest.mark.parametrize("line", [b"", b"5", b"[]", b"{}", b'{"id":5}', b'{"id":"1-0","fields":[5]}', b'{"id":"1-0"'])
def test_another_line_is_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever way
        entry_of(line)
