"""One line of a log from elsewhere: the operation in it, or why there is none to import.

The Rust engine's:  {"sequence":7,"timestamp_micros":…,"machine_id":"…","operation":{"type":…},"checksum":…}
JSON Lines:         {"type":…}
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from producer.errors import InvalidOperation
from producer.importing.compact import checksum_of, compact, members_of
from producer.operations import NAME_BYTES, OUTPUT_BYTES, TEXT_BYTES, decode, encode, operation_of
from producer.text.truncation import truncate

IMPORTED_TYPES = (
    "action_execution_started",
    "action_execution_completed",
    "action_execution_orphaned",
    "cleanup_executed",
)
"""Not `quarantine_dropped`, which names an entry of another log."""

_LARGEST_SEQUENCE = 10**16 - 2
"""`seq` is one more, and has at most 16 digits."""
_BOUNDS = {"output": OUTPUT_BYTES, "error": TEXT_BYTES, "reason": TEXT_BYTES}


class Importable(NamedTuple):
    """An operation: its JSON as it goes into the log, and its producer and number there."""

    by: str
    seq: int
    op: bytes


class OtherType(NamedTuple):
    """An operation that is not imported. It has a number all the same."""

    type: str
    by: str = ""
    seq: int = 0


class BadLine(NamedTuple):
    """A line that is not imported, and reported. `seq` is 0 if the line does not say its number."""

    reason: str
    by: str = ""
    seq: int = 0


Content = Importable | OtherType | BadLine


class _Bad(Exception):
    pass


def read_line(raw: bytes, *, by: str, seq: int) -> Content:
    """The content of the line `raw`. In JSON Lines, `by` and `seq` are the operation's producer and number."""
    try:
        text = _compact_text(raw)
        members = members_of(text)
    except (ValueError, RecursionError):  # no JSON, no UTF-8, or brackets nested too deep
        return BadLine(f"expected a JSON object in UTF-8, found {_description(raw)}")
    is_envelope = "type" not in members
    number = ("", 0) if is_envelope else (by, seq)
    try:
        if is_envelope:
            number = _number_of(members)
            text = _intact_operation(members)
        return _of_operation(text, *number)
    except _Bad as error:
        return BadLine(str(error), *number)


def _number_of(members: dict[str, str]) -> tuple[str, int]:
    """The machine id and the number that a line of the Rust engine has."""
    for name in ("sequence", "machine_id", "operation", "checksum"):
        if name not in members:
            raise _Bad(f"{name}: expected it in the line, found nothing")
    sequence = _integer(members, "sequence", _LARGEST_SEQUENCE)
    machine_id = json.loads(members["machine_id"])
    if not isinstance(machine_id, str) or not 1 <= len(machine_id.encode()) <= NAME_BYTES:
        raise _Bad(f"machine_id: expected a string of 1 to {NAME_BYTES} bytes")
    return machine_id, sequence + 1


def _intact_operation(members: dict[str, str]) -> str:
    """The operation, whose checksum is right. `timestamp_micros` is ignored: the operation has its own time."""
    operation = members["operation"]
    expected, found = _integer(members, "checksum", 2**32 - 1), checksum_of(operation.encode())
    if expected != found:
        raise _Bad(f"checksum: expected {expected}, as the line says, found {found}: the operation was changed")
    return operation


def _of_operation(text: str, by: str, seq: int) -> Importable | OtherType:
    try:
        kind = json.loads(members_of(text)["type"])
    except (ValueError, KeyError):
        raise _Bad("operation: expected an object with a type, and no field twice") from None
    if not isinstance(kind, str):
        raise _Bad("type: expected a string")
    if kind not in IMPORTED_TYPES:
        return OtherType(kind, by, seq)
    try:
        return Importable(by, seq, _fitted(text))
    except InvalidOperation as error:
        raise _Bad(str(error)) from None


def _fitted(text: str) -> bytes:
    """The operation as it stands, but with long texts cut as a producer cuts them. Raises InvalidOperation."""
    fields: dict[str, Any] = json.loads(text)
    long = {
        name: truncate(value, bound)
        for name, bound in _BOUNDS.items()
        if isinstance(value := fields.get(name), str) and len(value.encode()) > bound
    }
    if long:
        return encode(operation_of(fields | long))
    raw = text.encode()
    decode(raw)
    return raw


def _description(raw: bytes) -> str:
    """What stands in place of a JSON object."""
    try:
        value = json.loads(raw)
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "one with half a character, escaped"
    except UnicodeDecodeError:
        return "something else"
    except (ValueError, RecursionError):
        return "no JSON"
    return "one with a field twice" if isinstance(value, dict) else "another value"


def _compact_text(raw: bytes) -> str:
    text = raw.decode()
    json.loads(text)  # without its blanks, `1 2` would look like a number
    text = compact(text)
    text.encode()  # a lone surrogate, written as an escape, has no UTF-8
    return text


def _integer(members: dict[str, str], name: str, largest: int) -> int:
    text = members[name]
    if not text.isdecimal() or len(text) > 16 or int(text) > largest:
        raise _Bad(f"{name}: expected an integer from 0 to {largest}")
    return int(text)
