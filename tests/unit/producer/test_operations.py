"""The wire contract of the operations, byte by byte: JSON in, JSON out, and what is refused in which words."""

from __future__ import annotations

import re
from enum import IntEnum, StrEnum
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.errors import InvalidOperation, UndecodableOperation
from producer.operations import (
    MAX_INTEGER,
    MAX_OPERATION_BYTES,
    ActionExecutionCompleted,
    ActionExecutionOrphaned,
    ActionExecutionStarted,
    ArchiveSealed,
    CleanupExecuted,
    GapsAccepted,
    LossAccepted,
    Operation,
    QuarantineDropped,
    decode,
    encode,
    encode_fields,
    operation_of,
)

_WIRE: list[tuple[bytes, Operation]] = [
    (
        b'{"type":"action_execution_started","action_id":"notify","source":"watcher:idle-check",'
        b'"execution_type":"command","started_at":1790000000000}',
        ActionExecutionStarted(
            action_id="notify", source="watcher:idle-check", execution_type="command", started_at=1_790_000_000_000
        ),
    ),
    (
        b'{"type":"action_execution_started","action_id":"notify","source":"manual","execution_type":"rules",'
        b'"started_at":0,"execution_id":"r1","heartbeats":true}',
        ActionExecutionStarted(
            action_id="notify",
            source="manual",
            execution_type="rules",
            started_at=0,
            execution_id="r1",
            heartbeats=True,
        ),
    ),
    (
        b'{"type":"action_execution_completed","action_id":"deploy","success":true,"duration_ms":0,'
        b'"completed_at":9007199254740991}',
        ActionExecutionCompleted(action_id="deploy", success=True, duration_ms=0, completed_at=MAX_INTEGER),
    ),
    (
        b'{"type":"action_execution_completed","action_id":"deploy","success":false,"output":"\xc3\xa9\\n",'
        b'"error":"connection refused","duration_ms":5000,"completed_at":1790000005000,"execution_id":"r1"}',
        ActionExecutionCompleted(
            action_id="deploy",
            success=False,
            output="é\n",
            error="connection refused",
            duration_ms=5000,
            completed_at=1_790_000_005_000,
            execution_id="r1",
        ),
    ),
    (
        b'{"type":"cleanup_executed","scanner_id":"stale-locks","resource_id":"lock:deploy","action":"release",'
        b'"success":true,"executed_at":1790000000000}',
        CleanupExecuted(
            scanner_id="stale-locks",
            resource_id="lock:deploy",
            action="release",
            success=True,
            executed_at=1_790_000_000_000,
        ),
    ),
    (
        b'{"type":"cleanup_executed","scanner_id":"s","resource_id":"queue:merges:item-1","action":"dead_letter",'
        b'"success":false,"error":"","executed_at":1}',
        CleanupExecuted(
            scanner_id="s",
            resource_id="queue:merges:item-1",
            action="dead_letter",
            success=False,
            error="",
            executed_at=1,
        ),
    ),
    (
        b'{"type":"action_execution_orphaned","action_id":"a","execution_id":"r1","reason":"no heartbeat",'
        b'"orphaned_at":2}',
        ActionExecutionOrphaned(action_id="a", execution_id="r1", reason="no heartbeat", orphaned_at=2),
    ),
    (
        b'{"type":"quarantine_dropped","entry_id":"1790000000000-10","dropped_at":3}',
        QuarantineDropped(entry_id="1790000000000-10", dropped_at=3),
    ),
    (
        b'{"type":"gaps_accepted","producer_id":"host:1:ab","seq":7,"accepted_at":4}',
        GapsAccepted(producer_id="host:1:ab", seq=7, accepted_at=4),
    ),
    (
        b'{"type":"gaps_accepted","producer_id":"p","seq":9999999999999999,"accepted_at":4,"by":"ada",'
        b'"reason":"the disk burnt"}',
        GapsAccepted(producer_id="p", seq=10**16 - 1, accepted_at=4, by="ada", reason="the disk burnt"),
    ),
    (
        b'{"type":"archive_sealed","number":2,"head":"%b","last_id":"5-0","entries":9,"sealed_at":6}' % (b"0f" * 32),
        ArchiveSealed(number=2, head="0f" * 32, last_id="5-0", entries=9, sealed_at=6),
    ),
    (
        b'{"type":"loss_accepted","entries":6,"first_id":"0-0","last_id":"17-0","reason":"XTRIM by hand",'
        b'"accepted_at":5,"by":"ada"}',
        LossAccepted(entries=6, first_id="0-0", last_id="17-0", reason="XTRIM by hand", accepted_at=5, by="ada"),
    ),
]


@pytest.mark.parametrize(("raw", "operation"), _WIRE)
def test_an_operation_is_written_and_read_as_these_bytes(raw: bytes, operation: Operation) -> None:
    assert encode(operation) == raw
    assert decode(raw) == operation


# -- reading: what is accepted beside that --


def completion(**changes: Any) -> bytes:
    """A completion as JSON with `changes`; what is Ellipsis is left out."""
    fields = {
        "type": "action_execution_completed",
        "action_id": "a",
        "success": True,
        "duration_ms": 5,
        "completed_at": 6,
    }
    return orjson.dumps({name: value for name, value in (fields | changes).items() if value is not ...})


def with_raw(more: bytes) -> bytes:
    """A completion with `more` as it is behind its last field."""
    return completion()[:-1] + b"," + more + b"}"


_COMPLETION = decode(completion())


def read_completion(raw: bytes) -> ActionExecutionCompleted:
    operation = decode(raw)
    assert isinstance(operation, ActionExecutionCompleted)
    return operation


def test_a_null_option_is_an_absent_one() -> None:
    assert decode(completion(output=None, error=None, execution_id=None)) == _COMPLETION


def test_a_null_heartbeats_is_an_absent_one() -> None:
    raw, operation = _WIRE[0]
    assert decode(raw[:-1] + b',"heartbeats":null}') == operation


@pytest.mark.parametrize(
    "more",
    [
        b'"new":1',
        b'"new":"a \\"quoted\\" and \\\\ text"',
        b'"new":{"action_id":"b","action_id":"c"}',
        b'"new":[{"type":"reboot"}]',
        b'"":0',
    ],
)
def test_unknown_fields_are_ignored(more: bytes) -> None:
    assert decode(with_raw(more)) == _COMPLETION


def test_labels_are_read_however_the_json_is_written() -> None:
    raw = (
        b'{"labels": {"user": "ann", "host": "h"}, "type": "cleanup_executed", "scanner_id": "s", "resource_id": "r",'
        b' "action": "a", "success": true, "executed_at": 1}'
    )
    operation = decode(raw)
    assert isinstance(operation, CleanupExecuted)
    assert operation.labels == {"user": "ann", "host": "h"}


def test_the_order_of_fields_and_white_space_do_not_matter() -> None:
    raw = (
        b' {\n"completed_at" : 6, "success":true,"action_id":"a",\t"duration_ms":5,'
        b' "type":"action_execution_completed" }\r\n'
    )
    assert decode(raw) == _COMPLETION


@pytest.mark.parametrize("text", ['"', '\\"', "\\", '\\\\"x', '","action_id":"b', "\u0000\n", "é\u0301", "😀"])
def test_text_is_kept_as_it_is(text: str) -> None:
    """Quotes and backslashes above all: a repeated name is looked for by counting quotes."""
    assert read_completion(completion(output=text, error=text)).output == text
    assert read_completion(encode(read_completion(completion(error=text)))).error == text


@given(output=st.text() | st.none(), error=st.text(max_size=100) | st.none(), name=st.text(min_size=1, max_size=60))
def test_whatever_is_written_is_read_back(output: str | None, error: str | None, name: str) -> None:
    operation = ActionExecutionCompleted(
        action_id=name, success=False, output=output, error=error, duration_ms=1, completed_at=2, execution_id=name
    )
    raw = encode(operation)
    assert decode(raw) == operation
    assert decode(raw + b"\n") == operation  # not as producers write it: read the other way


# -- reading: what is refused --

_INTEGER = "an integer from 0 to 9007199254740991"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b'"5"', 'the string "5"'),
        (b"1e3", "the number 1000.0"),
        (b"1.0", "the number 1.0"),
        (b"true", "true"),
        (b"null", "null"),
        (b"-1", "the number -1"),
        (b"9007199254740992", "the number 9007199254740992"),
        (b"[]", "a list"),
        (b"{}", "an object"),
    ],
)
@pytest.mark.parametrize("field", ["duration_ms", "completed_at"])
def test_an_integer_is_an_integer(field: str, value: bytes, found: str) -> None:
    raw = completion(**{field: 77}).replace(b"77", value)
    assert refusal_of(raw) == f"{field}: expected {_INTEGER}, found {found}"


@pytest.mark.parametrize("number", [0, MAX_INTEGER])
def test_integers_reach_from_0_to_2_to_the_53_less_1(number: int) -> None:
    assert read_completion(completion(duration_ms=number)).duration_ms == number


@pytest.mark.parametrize(
    ("value", "found"), [("no", 'the string "no"'), (1, "the number 1"), (None, "null"), (..., "nothing")]
)
def test_a_boolean_is_true_or_false(value: object, found: str) -> None:
    assert refusal_of(completion(success=value)) == f"success: expected true or false, found {found}"


@pytest.mark.parametrize("field", ["action_id", "success", "duration_ms", "completed_at"])
def test_a_required_field_is_required(field: str) -> None:
    assert refusal_of(completion(**{field: ...})).startswith(f"{field}: expected ")
    assert refusal_of(completion(**{field: ...})).endswith(", found nothing")


_TYPES = (
    "action_execution_started, action_execution_completed, cleanup_executed, action_execution_orphaned, "
    "quarantine_dropped"
)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("reboot", 'the string "reboot"'),
        ("Cleanup_Executed", 'the string "Cleanup_Executed"'),
        (5, "the number 5"),
        (None, "null"),
        ([], "a list"),
        ({}, "an object"),
        (..., "nothing"),
    ],
)
def test_the_type_is_one_of_those_of_schema_1(value: object, found: str) -> None:
    assert refusal_of(completion(type=value)) == f"type: expected one of {_TYPES}, found {found}"


@pytest.mark.parametrize(
    ("raw", "found"), [(b"[]", "a list"), (b"null", "null"), (b'"x"', 'the string "x"'), (b"5", "the number 5")]
)
def test_an_operation_is_an_object(raw: bytes, found: str) -> None:
    assert refusal_of(raw) == f"expected a JSON object, found {found}"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        completion() + b"x",
        completion() + b"\0",
        b"\xef\xbb\xbf" + completion(),
        completion(action_id="XX").replace(b"XX", b"\xff"),
        completion(action_id="XX").replace(b"XX", b"\\ud83d"),
        completion(action_id="XX").replace(b"XX", b"\n"),
        completion().replace(b":5,", b":05,"),
        completion(duration_ms=77).replace(b"77", b"NaN"),
        with_raw(b'"new":"\\ud83d"'),
        with_raw(b'"new":{"a":["\\ud83d"],"a":1}'),
        with_raw(b'"new":"\xff"'),
        with_raw(b'"new":1e'),
    ],
)
def test_what_is_no_json_in_utf8_is_refused(raw: bytes) -> None:
    assert refusal_of(raw) == "expected JSON, found text that is no JSON in UTF-8"


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"-Infinity"])
def test_numbers_that_json_does_not_have_are_refused_even_in_unknown_fields(value: bytes) -> None:
    assert refusal_of(with_raw(b'"new":' + value)) == "expected JSON, found text that is no JSON in UTF-8"


def test_what_is_nested_deeper_than_a_hundred_levels_is_refused() -> None:
    """In our own words, since each parser has a limit of its own. Brackets in texts are none."""
    assert decode(with_raw(b'"new":' + b"[" * 99 + b"]" * 99)) == _COMPLETION
    assert decode(with_raw(b'"new":"' + b'[{\\"' * 1000 + b'","more":[' + b"{}," * 300 + b"{}]")) == _COMPLETION
    for raw in (with_raw(b'"new":' + b"[" * 100 + b"]" * 100), b"[" * 100_000, b'{"a":' * 100_000):
        assert refusal_of(raw) == "expected JSON of at most 100 levels, found a deeper one"


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 90 + b'"' + b'\\"' * 500_000,
        b"{}" * 200 + b'"' + b'\\"' * 500_000,
        completion(output='{"key": [1, "x"]}' * 20_000)[:300_000],
    ],
)
def test_what_was_cut_short_is_refused_in_time_that_grows_with_its_length(raw: bytes) -> None:
    """Once it took an hour for a mebibyte: a pattern began anew at each quote. The test's time-out is the judge."""
    assert refusal_of(raw) == "expected JSON, found text that is no JSON in UTF-8"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        (b'"action_id":"a"', "action_id"),
        (b'"action\\u005fid":"b"', "action_id"),
        (b'"success":true', "success"),
        (b'"type":"action_execution_completed"', "type"),
        (b'"error":null,"error":null', "error"),
        (b'"error":"x","error":null', "error"),
        (b'"new":1,"new":2', "new"),
        (b'"output":"\\"\\\\","new":"\\\\\\"","new":2', "new"),
    ],
)
def test_a_repeated_field_name_is_refused(more: bytes, field: str) -> None:
    assert refusal_of(with_raw(more)) == f"{field}: expected the field once, found it repeated"


def test_more_than_a_hundred_fields_are_refused() -> None:
    assert decode(completion(**{f"new{number}": 0 for number in range(95)})) == _COMPLETION
    raw = completion(**{f"new{number}": 0 for number in range(96)})
    assert refusal_of(raw) == "expected at most 100 fields, found 101"


def test_an_operation_has_at_most_a_mebibyte() -> None:
    room = MAX_OPERATION_BYTES - len(completion(output=""))
    assert len(read_completion(completion(output="x" * room)).output or "") == room
    raw = completion(output="x" * (room + 1))
    assert refusal_of(raw) == "expected an operation of at most 1048576 bytes, found 1048577 bytes"


_NAMES = [
    ("action_execution_started", "action_id", 256),
    ("action_execution_started", "execution_id", 256),
    ("action_execution_started", "execution_type", 256),
    ("action_execution_started", "source", 4096),
    ("cleanup_executed", "scanner_id", 256),
    ("cleanup_executed", "action", 256),
    ("cleanup_executed", "resource_id", 4096),
    ("gaps_accepted", "producer_id", 256),
    ("gaps_accepted", "by", 256),
    ("loss_accepted", "by", 256),
]
_TEXTS = [
    ("action_execution_completed", "error", 4096),
    ("cleanup_executed", "error", 4096),
    ("action_execution_orphaned", "reason", 4096),
    ("gaps_accepted", "reason", 4096),
    ("loss_accepted", "reason", 4096),
]


def literal(kind: str, **changes: object) -> dict[str, object]:
    """The last of the literal operations of this type, with `changes`."""
    found: list[dict[str, object]] = [orjson.loads(raw) for raw, operation in _WIRE if operation.type == kind]
    return found[-1] | changes


@pytest.mark.parametrize(("kind", "field", "bound"), [*_NAMES, *_TEXTS])
@pytest.mark.parametrize("character", ["x", "é", "😀"])
def test_strings_are_bounded_in_bytes_of_utf8(kind: str, field: str, bound: int, character: str) -> None:
    size = len(character.encode())
    fits = character * (bound // size)
    assert getattr(decode(orjson.dumps(literal(kind, **{field: fits}))), field) == fits
    assert refusal_of(orjson.dumps(literal(kind, **{field: fits + character}))).startswith(f"{field}: expected ")


@pytest.mark.parametrize(("escape", "size"), [(b"\\u00e9", 2), (b"\\ud83d\\ude00", 4), (b"\\u0041", 1)])
def test_what_an_escape_stands_for_is_what_counts(escape: bytes, size: int) -> None:
    """`\\u00e9` is six bytes of JSON and two of UTF-8."""
    mark = completion(error="MARK")
    read = read_completion(mark.replace(b"MARK", escape * (4096 // size)))
    assert len((read.error or "").encode()) == 4096
    refused = refusal_of(mark.replace(b"MARK", escape * (4096 // size + 1)))
    assert refused.startswith("error: expected a string of at most 4096 bytes, found ")


@pytest.mark.parametrize(("kind", "field", "bound"), _NAMES)
def test_names_are_not_empty(kind: str, field: str, bound: int) -> None:
    expected = f'{field}: expected a string of 1 to {bound} bytes, found the string ""'
    assert refusal_of(orjson.dumps(literal(kind, **{field: ""}))) == expected


@pytest.mark.parametrize("entry_id", ["", "1", "1-", "-1", "1-1 ", "1-1\n", "a-1", "123456789012345678901-1", "١-1"])
def test_an_entry_id_is_two_numbers(entry_id: str) -> None:
    raw = orjson.dumps({"type": "quarantine_dropped", "entry_id": entry_id, "dropped_at": 1})
    assert refusal_of(raw).startswith("entry_id: expected an entry id, <milliseconds>-<number>, found the string ")


@pytest.mark.parametrize("seq", [0, -1, 10**16, "7", 7.5, True])
def test_a_producers_number_is_from_1_and_has_at_most_16_digits(seq: object) -> None:
    expected = "seq: expected an integer from 1 of at most 16 digits, found "
    assert refusal_of(orjson.dumps(literal("gaps_accepted", seq=seq))).startswith(expected)


def test_a_refusal_says_which_field_what_was_expected_and_found_and_keeps_the_bytes() -> None:
    raw = completion(action_id="é" * 200)
    with pytest.raises(UndecodableOperation) as refused:
        decode(raw)
    error = refused.value
    assert (error.field, error.expected, error.found) == ("action_id", "a string of 1 to 256 bytes", "400 bytes")
    assert error.raw == raw
    assert isinstance(error, ValueError)


def refusal_of(raw: bytes) -> str:
    """The words in which `raw` is refused."""
    with pytest.raises(UndecodableOperation) as refused:
        decode(raw)
    assert refused.value.raw == raw
    return str(refused.value)


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_FIELDS = ("action_id", "success", "duration_ms", "completed_at", "execution_id", "error", "output", "type")
_COMPLETIONS = st.fixed_dictionaries({}, optional=dict.fromkeys(_FIELDS, _JSON)).map(lambda more: completion(**more))


@given(raw=st.binary(max_size=60) | _COMPLETIONS)
def test_whatever_the_bytes_they_are_read_or_refused_in_our_words(raw: bytes) -> None:
    try:
        operation = decode(raw)
    except UndecodableOperation:
        assert re.fullmatch(r"[a-z_]*(: )?expected [ -~]+, found [ -~]+", refusal_of(raw))
    else:
        assert decode(encode(operation)) == operation
        assert decode(raw + b" ") == operation


class _Word(StrEnum):
    BACKUP = "backup"


def test_an_enumeration_of_words_or_numbers_is_taken_for_its_value() -> None:
    class Number(IntEnum):
        FIVE = 5

    operation = operation_of(orjson.loads(completion()) | {"action_id": _Word.BACKUP, "duration_ms": Number.FIVE})
    assert encode(operation) == completion(action_id="backup", duration_ms=5)


def test_a_text_of_a_class_of_its_own_is_taken_for_its_text() -> None:
    class Safe(str):
        __slots__ = ()

    fields = orjson.loads(completion()) | {"action_id": Safe("backup"), "error": Safe("é")}
    raw = encode_fields(fields)
    assert raw == encode(operation_of(fields))
    assert decode(raw) == decode(completion(action_id="backup", error="é"))
    assert type(getattr(decode(raw), "error", None)) is str


@pytest.mark.parametrize(
    "fields",
    [
        {"type": type("Safe", (str,), {})("quarantine_dropped"), "entry_id": "1-1", "dropped_at": 1},
        {5: 6, "type": "quarantine_dropped", "entry_id": "1-1", "dropped_at": 1},
        {"\ud83d": 1, "type": "quarantine_dropped", "entry_id": "1-1", "dropped_at": 1},
    ],
)
def test_arguments_that_no_json_object_has_are_refused_in_our_words(fields: dict[Any, Any]) -> None:
    with pytest.raises(InvalidOperation, match="expected "):
        operation_of(fields)


# -- writing: what is refused --


def test_making_an_operation_checks_bytes_too() -> None:
    with pytest.raises(InvalidOperation, match="action_id: expected a string of 1 to 256 bytes, found 258 bytes"):
        operation_of(literal("action_execution_started", action_id="é" * 129))


def test_making_an_operation_is_as_strict_as_reading_one() -> None:
    with pytest.raises(InvalidOperation, match=f"started_at: expected {_INTEGER}, found true"):
        operation_of(literal("action_execution_started", started_at=True))


def test_what_utf8_cannot_carry_is_refused_and_not_written() -> None:
    with pytest.raises(InvalidOperation, match=r"action_id: expected a string of 1 to 256 bytes, found the string"):
        operation_of(literal("action_execution_started", action_id="a\ud83d"))
    with pytest.raises(InvalidOperation, match="entry_id: expected an entry id, <milliseconds>-<number>, found the"):
        encode(QuarantineDropped(entry_id="\ud83d", dropped_at=1))
    with pytest.raises(InvalidOperation, match="error: expected a string of at most 4096 bytes, found the string"):
        encode_fields(literal("action_execution_completed", error="\ud83d"))


@pytest.mark.parametrize(
    ("operation", "field"),
    [
        (QuarantineDropped(entry_id="1", dropped_at=1), "entry_id"),
        (QuarantineDropped(entry_id="1-1", dropped_at=-1), "dropped_at"),
        (ActionExecutionCompleted(action_id="é" * 129, success=True, duration_ms=1, completed_at=1), "action_id"),
        (ActionExecutionCompleted(action_id="a", success=1, duration_ms=1, completed_at=1), "success"),  # type: ignore[arg-type]
        (ActionExecutionCompleted(action_id=b"a", success=True, duration_ms=1, completed_at=1), "action_id"),  # type: ignore[arg-type]
        (
            ActionExecutionCompleted(action_id="a", success=True, error={"é": 1}, duration_ms=1, completed_at=1),  # type: ignore[arg-type]
            "error",
        ),
    ],
)
def test_what_is_out_of_bounds_is_not_written(operation: Operation, field: str) -> None:
    with pytest.raises(InvalidOperation, match=f"{field}: expected "):
        encode(operation)


def test_an_operation_of_more_than_a_mebibyte_is_not_written() -> None:
    operation = ActionExecutionCompleted(
        action_id="a", success=True, output="\n" * 600_000, duration_ms=1, completed_at=1
    )
    with pytest.raises(InvalidOperation, match="expected an operation of at most 1048576 bytes, found 1200"):
        encode(operation)


@pytest.mark.parametrize("digits", [40, 4000, 5000, 100_000])
def test_a_number_of_any_length_is_refused_in_words(digits: int) -> None:
    raw = b'{"type":"quarantine_dropped","entry_id":"1-1","dropped_at":' + b"9" * digits + b"}"
    with pytest.raises(UndecodableOperation) as caught:
        decode(raw)
    assert len(str(caught.value)) < 200


def test_a_huge_argument_is_refused_in_words() -> None:
    with pytest.raises(InvalidOperation, match="a number of more than 38 digits"):
        operation_of({"type": "quarantine_dropped", "entry_id": "1-1", "dropped_at": 10**5000})


@pytest.mark.parametrize("head", ["0f" * 31, "0F" * 32, "0f" * 32 + "\n", 5])
def test_a_head_is_a_hash_in_small_hexadecimal_digits(head: object) -> None:
    expected = "head: expected a SHA-256 of 64 hexadecimal digits, found"
    assert refusal_of(orjson.dumps(literal("archive_sealed", head=head))).startswith(expected)
