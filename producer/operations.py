"""The operations: what happened, as JSON objects tagged by `type`. The wire contract of the write-ahead log.

Times are epoch milliseconds, durations milliseconds, both integers in 0 … 2^53−1. Strings are bounded in bytes
of UTF-8 and kept as they are. Absent options are omitted when written; `null` is accepted and unknown fields are
ignored when read. Reading is strict: `"5"`, `1e3` and `true` are no integers, a repeated field name is an error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Annotated, Any

from msgspec import Meta, Struct, ValidationError, convert
from msgspec.inspect import StrType, type_info
from msgspec.json import Decoder, Encoder
from msgspec.structs import asdict
from msgspec.structs import fields as fields_of

from producer.errors import InvalidOperation, UndecodableOperation
from producer.text.strict_json import brief, value_of

__all__ = [
    "MAX_INTEGER",
    "MAX_OPERATION_BYTES",
    "NAME_BYTES",
    "OUTPUT_BYTES",
    "PATH_BYTES",
    "TEXT_BYTES",
    "ActionExecutionCompleted",
    "ActionExecutionOrphaned",
    "ActionExecutionStarted",
    "CleanupExecuted",
    "Operation",
    "QuarantineDropped",
    "decode",
    "encode",
    "encode_fields",
    "operation_of",
]

MAX_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader, sorted-set score and JavaScript number keeps exact."""
MAX_OPERATION_BYTES = 1 << 20
"""The largest `op` of an entry."""
NAME_BYTES = 256
PATH_BYTES = 4096
TEXT_BYTES = 4096
OUTPUT_BYTES = 16 << 10
"""The bound to which a producer cuts `output`, unless its caller says. A reader takes any that fits an operation."""

# Bounds in characters are necessary, not sufficient: `_check_bytes` applies the same numbers to UTF-8.
_Name = Annotated[str, Meta(min_length=1, max_length=NAME_BYTES)]
_Path = Annotated[str, Meta(min_length=1, max_length=PATH_BYTES)]
_Text = Annotated[str, Meta(max_length=TEXT_BYTES)]
_Output = Annotated[str, Meta(max_length=MAX_OPERATION_BYTES)]
_EntryId = Annotated[str, Meta(pattern=r"\A[0-9]{1,20}-[0-9]{1,20}\Z")]
_Integer = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]


class _Base(Struct, frozen=True, omit_defaults=True, tag_field="type", gc=False):
    """Fields are written in their order here, after `type`. The constructor checks nothing: `operation_of`, `encode`
    and `decode` do."""

    @property
    def type(self) -> str:
        return str(self.__struct_config__.tag)


class ActionExecutionStarted(_Base, tag="action_execution_started", frozen=True, kw_only=True):
    action_id: _Name
    source: _Path
    execution_type: _Name
    started_at: _Integer
    execution_id: _Name | None = None
    heartbeats: bool | None = None


class ActionExecutionCompleted(_Base, tag="action_execution_completed", frozen=True, kw_only=True):
    action_id: _Name
    success: bool
    output: _Output | None = None
    error: _Text | None = None
    duration_ms: _Integer
    completed_at: _Integer
    execution_id: _Name | None = None


class CleanupExecuted(_Base, tag="cleanup_executed", frozen=True, kw_only=True):
    scanner_id: _Name
    resource_id: _Path
    action: _Name
    success: bool
    error: _Text | None = None
    executed_at: _Integer


class ActionExecutionOrphaned(_Base, tag="action_execution_orphaned", frozen=True, kw_only=True):
    action_id: _Name
    execution_id: _Name
    reason: _Text
    orphaned_at: _Integer


class QuarantineDropped(_Base, tag="quarantine_dropped", frozen=True, kw_only=True):
    entry_id: _EntryId
    dropped_at: _Integer


Operation = (
    ActionExecutionStarted | ActionExecutionCompleted | CleanupExecuted | ActionExecutionOrphaned | QuarantineDropped
)
_CLASSES: tuple[type[Operation], ...] = (
    ActionExecutionStarted,
    ActionExecutionCompleted,
    CleanupExecuted,
    ActionExecutionOrphaned,
    QuarantineDropped,
)
_BY_TYPE: dict[str, type[Operation]] = {str(cls.__struct_config__.tag): cls for cls in _CLASSES}


def _texts() -> Iterator[tuple[str, int, int]]:
    """(field, least bytes, most bytes) of each text: the bounds of its type in characters, meant in bytes."""
    for cls in _CLASSES:
        for field in type_info(cls).fields:  # type: ignore[attr-defined]  # of a Struct, which all are
            for kind in getattr(field.type, "types", (field.type,)):
                if isinstance(kind, StrType) and kind.max_length is not None:
                    yield field.name, kind.min_length or 0, kind.max_length


_BYTE_BOUNDS = {name: most for name, _, most in _texts()}
_EXPECTED = {
    **{name: f"a string of {f'{least} to' if least else 'at most'} {most} bytes" for name, least, most in _texts()},
    "entry_id": "an entry id, <milliseconds>-<number>",
    **dict.fromkeys(("success", "heartbeats"), "true or false"),
    **dict.fromkeys(
        ("started_at", "completed_at", "executed_at", "orphaned_at", "dropped_at", "duration_ms"),
        f"an integer from 0 to {MAX_INTEGER}",
    ),
}

_to_json = Encoder().encode
_of_json: Callable[[bytes], Operation] = Decoder(Operation).decode


def operation_of(fields: object) -> Operation:
    """The operation that the dict `fields` (with `type`) describes. Raises InvalidOperation if out of bounds."""
    operation = _converted(fields)
    _check_bytes(operation)
    return operation


def encode(operation: Operation) -> bytes:
    """The operation as compact JSON: `type` first, absent options omitted. Raises as `encode_fields` does."""
    return encode_fields({"type": operation.type, **asdict(operation)})


def encode_fields(fields: dict[str, Any]) -> bytes:
    """The same for the operation that `fields` (with `type`) describe.

    Raises InvalidOperation if a field is out of its bounds or holds a lone surrogate, or if the whole is larger than
    MAX_OPERATION_BYTES.
    """
    operation = _converted(fields)
    try:
        raw = _to_json(operation)
    except UnicodeEncodeError:
        _check_bytes(operation)  # raises, and names the field
        raise
    except TypeError:  # msgspec accepts a subclass of str, but does not write it
        texts = {name: str.__str__(value) for name, value in fields.items() if isinstance(value, str)}
        raw = _to_json(_converted(fields | texts))
    if len(raw) > MAX_OPERATION_BYTES:
        raise InvalidOperation("", f"an operation of at most {MAX_OPERATION_BYTES} bytes", f"{len(raw)} bytes")
    if not raw.isascii():  # else the bounds in characters were bounds in bytes
        _check_bytes(operation)
    return raw


def decode(raw: bytes) -> Operation:
    """The operation in `raw`; raises UndecodableOperation, whose words do not depend on any library's."""
    if len(raw) > MAX_OPERATION_BYTES:
        found = f"{len(raw)} bytes"
        raise UndecodableOperation("", f"an operation of at most {MAX_OPERATION_BYTES} bytes", found, raw=raw)
    try:
        operation = _of_json(raw)
        # An operation that is written again as the same bytes has each field once, no unknown field, and nothing that
        # a lenient reader would have corrected. Producers write such bytes, and comparing is ten times as fast.
        canonical = _to_json(operation) == raw
    except (ValueError, RecursionError):
        canonical = False
    try:
        if not canonical:
            return operation_of(value_of(raw))
        if not raw.isascii():
            _check_bytes(operation)
    except InvalidOperation as error:
        raise UndecodableOperation(error.field, error.expected, error.found, raw=raw) from None
    return operation


def _converted(fields: object) -> Operation:
    cls = _class_of(fields)
    if cls is not None:  # to its class, because msgspec would analyze the union anew with each call
        try:
            return convert(fields, cls)
        except (ValidationError, UnicodeEncodeError):  # the latter for a name that is a lone surrogate
            pass  # the complaint has words of our own
    raise InvalidOperation(*_complaint(fields))


def _class_of(fields: object) -> type[Operation] | None:
    kind = fields.get("type") if isinstance(fields, dict) else None
    return _BY_TYPE.get(kind) if isinstance(kind, str) else None


def _check_bytes(operation: Operation) -> None:
    for name in operation.__struct_fields__:
        bound, value = _BYTE_BOUNDS.get(name), getattr(operation, name)
        if bound is not None and value is not None:
            try:
                size = len(value.encode())
            except UnicodeEncodeError:
                raise InvalidOperation(name, _EXPECTED[name], _found(value)) from None
            if size > bound:
                raise InvalidOperation(name, _EXPECTED[name], f"{size} bytes")


def _complaint(value: object) -> tuple[str, str, str]:
    """(field, expected, found) of the first fault in what is no operation."""
    if not isinstance(value, dict):
        return "", "a JSON object", _found(value)
    cls = _class_of(value)
    if cls is None:
        return "type", f"one of {', '.join(_BY_TYPE)}", _found(value["type"]) if "type" in value else "nothing"
    for field in fields_of(cls):
        if field.name in value:
            try:
                convert(value[field.name], field.type)
            except ValidationError:
                return field.name, _EXPECTED[field.name], _found(value[field.name])
        elif field.required:
            return field.name, _EXPECTED[field.name], "nothing"
    return "", "fields whose names and type are strings", "others"


def _found(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() if value.bit_length() > 128:
            return "a number of more than 38 digits"  # Python refuses to write out the longest
        case int() | float():
            return f"the number {brief(str(value))}"
        case str() if len(value) > 40:
            return f"a string of {len(value.encode('utf-8', 'surrogatepass'))} bytes"
        case str():
            return f"the string {json.dumps(value, ensure_ascii=True)}"
        case list() | tuple():
            return "a list"
        case dict():
            return "an object"
    return f"a value of type {type(value).__name__}"
