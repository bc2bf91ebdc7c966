"""One line of a log from elsewhere: the operation in it, or why there is none to import.

The Rust engine's:  {"sequence":7,"timestamp_micros":…,"machine_id":"…","operation":{"type":…},"checksum":…}
JSON Lines:         {"type":…}
"""

import json
import zlib
from typing import Any, NamedTuple

import orjson

from producer.errors import InvalidOperation
from producer.operations import NAME_BYTES, OUTPUT_BYTES, TEXT_BYTES, decode, encode_fields
from producer.text.truncation import beginning, truncate

IMPORTED_TYPES = (
    "action_execution_started",
    "action_execution_completed",
    "action_execution_orphaned",
    "cleanup_executed",
)
"""Not `quarantine_dropped`, which names an entry of another log."""

_LARGEST_SEQUENCE = 10**16 - 2
"""`seq` is one more, and has at most 16 digits."""
_BOUNDS = {"output": OUTPUT_BYTES, "error": TEXT_BYTES, "reason": TEXT_BYTES, "command": TEXT_BYTES}


class Importable(NamedTuple):
    """An operation: its JSON as it goes into the log, its producer and number there, and what its entry claims."""

    by: str
    seq: int
    op: bytes
    acked: int = 0


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


class _Number(NamedTuple):
    """A number with the digits of the line: reading `1.50` and writing it again would give another checksum."""

    digits: str


def read_line(raw: bytes, *, by: str, seq: int) -> Content:
    """The content of the line `raw`. In JSON Lines, `by` and `seq` are the operation's producer and number."""
    machine = ("", 0)
    try:
        fields = object_of(raw)
        if "type" in fields:
            machine = (by, seq)
        else:
            machine = _machine_of(fields)
            fields = _intact_operation(fields)
        return _of_operation(fields, *machine)
    except _Bad as error:
        return BadLine(str(error), *machine)


def object_of(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`, which `compact` can write again. Raises _Bad."""
    try:
        value = json.loads(
            raw.decode(),
            object_pairs_hook=_without_repetition,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=int,  # a ValueError for NaN and Infinity
        )
        compact(value)
    except (ValueError, RecursionError, TypeError):  # of `compact`: half a character, or too many levels for orjson
        found = "no JSON"
    except KeyError:
        found = "one with a field twice"
    else:
        if isinstance(value, dict):
            return value
        found = "another value"
    raise _Bad(f"expected a JSON object in UTF-8, found {found}")


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise KeyError
    return fields


def compact(value: Any) -> bytes:
    """The `value` of a line as serde_json writes it, and the Rust engine makes its checksum of.

    orjson, too, writes no blanks, and escapes the quote, the backslash and control characters alone, in the same way.
    """
    return orjson.dumps(value, default=lambda number: orjson.Fragment(number.digits))


def _machine_of(fields: dict[str, Any]) -> tuple[str, int]:
    """The machine id and the number that a line of the Rust engine has."""
    for name in ("sequence", "machine_id", "operation", "checksum"):
        if name not in fields:
            raise _Bad(f"{name}: expected it in the line, found nothing")
    sequence, machine_id = _integer(fields, "sequence", _LARGEST_SEQUENCE), fields["machine_id"]
    if not isinstance(machine_id, str) or not 1 <= len(machine_id.encode()) <= NAME_BYTES:
        raise _Bad(f"machine_id: expected a string of 1 to {NAME_BYTES} bytes")
    return machine_id, sequence + 1


def _intact_operation(fields: dict[str, Any]) -> Any:
    """The operation, whose checksum is right. `timestamp_micros` is ignored: the operation has its own time."""
    operation = fields["operation"]
    expected, found = _integer(fields, "checksum", 2**32 - 1), zlib.crc32(compact(operation))
    if expected != found:
        raise _Bad(f"checksum: expected {expected}, as the line says, found {found}: the operation was changed")
    return operation


def _of_operation(fields: Any, by: str, seq: int) -> Importable | OtherType:
    if not isinstance(fields, dict) or "type" not in fields:
        raise _Bad("operation: expected an object with a type")
    kind = fields["type"]
    if not isinstance(kind, str):
        raise _Bad("type: expected a string")
    if kind not in IMPORTED_TYPES:
        return OtherType(kind, by, seq)
    try:
        return Importable(by, seq, _fitted(fields))
    except InvalidOperation as error:
        raise _Bad(str(error)) from None


def _fitted(fields: dict[str, Any]) -> bytes:
    """The operation as it stands, but with long texts cut as a producer cuts them. Raises InvalidOperation."""
    op = compact(fields)
    cut = {
        name: (beginning if name == "command" else truncate)(text, bound)
        for name, bound in _BOUNDS.items()
        if isinstance(text := fields.get(name), str) and len(text.encode()) > bound
    }
    if cut:
        return encode_fields(json.loads(op) | cut)
    decode(op)
    return op


def _integer(fields: dict[str, Any], name: str, largest: int) -> int:
    value = fields[name]
    digits = value.digits if isinstance(value, _Number) else ""
    if not digits.isdecimal() or len(digits) > 16 or int(digits) > largest:
        raise _Bad(f"{name}: expected an integer from 0 to {largest}")
    return int(digits)
