"""Labels of an entry, whoever wrote it: read strictly, and refused in words that name the label."""

from __future__ import annotations

from typing import Any

import pytest
from orjson import dumps

from producer import InvalidOperation
from producer.errors import UndecodableOperation
from producer.operations import CleanupExecuted, decode, operation_of

EXPECTED = (
    "labels: expected an object of at most 16 labels, whose names are 1 to 64 characters of A-Z a-z 0-9 _ . - and "
    "whose values strings of at most 256 bytes, found "
)


def with_labels(labels: bytes, more: bytes = b"") -> bytes:
    """A cleanup with the JSON `labels`."""
    start = (
        b'{"type":"cleanup_executed","scanner_id":"s","resource_id":"r","action":"a","success":true,"executed_at":1'
    )
    return start + b',"labels":' + labels + more + b"}"


def labels_of(raw: bytes) -> dict[str, str] | None:
    operation = decode(raw)
    assert isinstance(operation, CleanupExecuted)
    return operation.labels


def refusal_of(raw: bytes) -> str:
    with pytest.raises(UndecodableOperation) as refused:
        decode(raw)
    assert refused.value.field == "labels"
    return str(refused.value)


@pytest.mark.parametrize(
    "labels",
    [b'{"host":"a","host":"b"}', b'{"host":"a","user":"u","host":"a"}', b'{"h\\u006fst":"a","host":"a"}'],
)
def test_a_repeated_name_is_refused(labels: bytes) -> None:
    assert refusal_of(with_labels(labels)) == 'labels: expected each name once, found "host" repeated'


def test_other_objects_are_judged_by_nobody() -> None:
    twice = b'{"host":"a","host":"b"}'
    for more in (b',"new":' + twice, b',"new":[' + twice + b"]"):
        assert labels_of(with_labels(b'{"host":"a"}', more)) == {"host": "a"}


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ({f"n{number}": "" for number in range(17)}, "17 labels"),
        ({"ok": "", "a b": "x"}, 'the string "a b" as a name'),
        ({"": "x"}, 'the string "" as a name'),
        ({"n\n": "x"}, 'the string "n\\n" as a name'),
        ({"é": "x"}, 'the string "\\u00e9" as a name'),
        ({"n" * 65: "x"}, "a string of 65 bytes as a name"),
        ({"ok": "", "n": "x" * 257}, "a string of 257 bytes in label n"),
        ({"ok": "", "n": "é" * 129}, "258 bytes in label n"),
        ({"ok": "", "n": 5}, "the number 5 in label n"),
        ({"n": None}, "null in label n"),
        ({"n": {"m": "x"}}, "an object in label n"),
        (["n"], "a list"),
        ("n=x", 'the string "n=x"'),
    ],
)
def test_what_is_wrong_with_labels_is_told_by_name(labels: Any, found: str) -> None:
    assert refusal_of(with_labels(dumps(labels))) == EXPECTED + found


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ({5: "x"}, "the number 5 as a name"),
        ({"\ud800": "x"}, 'the string "\\ud800" as a name'),
        ({"n": "\ud800"}, 'the string "\\ud800" in label n'),
    ],
)
def test_what_json_cannot_carry_is_told_by_name_as_well(labels: Any, found: str) -> None:
    fields = {"scanner_id": "s", "resource_id": "r", "action": "a", "success": True, "executed_at": 1}
    with pytest.raises(InvalidOperation) as refused:
        operation_of({"type": "cleanup_executed", **fields, "labels": labels})
    assert str(refused.value) == EXPECTED + found


def test_labels_at_their_bounds_are_read() -> None:
    labels = {f"{number:064}": "é" * 128 for number in range(16)}
    assert labels_of(with_labels(dumps(labels))) == labels
