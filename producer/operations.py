"""The operations: what happened, as JSON objects tagged by `type`. The wire contract of the write-ahead log.

Times are epoch milliseconds, durations milliseconds, both integers in 0 … 2^53−1. Strings are bounded in bytes
of UTF-8 and kept as they are. Absent options are omitted when written; `null` is accepted and unknown fields are
ignored when read. Reading is strict: `"5"`, `1e3` and `true` are no integers, a repeated field name is an error.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from producer.errors import InvalidOperation, UndecodableOperation

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
    "encoded",
    "operation_of",
]

MAX_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader, sorted-set score and JavaScript number keeps exact."""
MAX_OPERATION_BYTES = 1 << 20
"""The largest `op` of an entry."""
MAX_FIELDS = 100
"""The most fields of one object, unknown ones included."""
NAME_BYTES = 256
PATH_BYTES = 4096
TEXT_BYTES = 4096
OUTPUT_BYTES = 16 << 10
"""To what a producer cuts `output` unless told otherwise. A reader takes any that fits an operation."""

# The bounds in characters are necessary, not sufficient: `_check_bytes` applies the same numbers to UTF-8.
_Name = Annotated[str, Field(min_length=1, max_length=NAME_BYTES)]
_Path = Annotated[str, Field(min_length=1, max_length=PATH_BYTES)]
_Text = Annotated[str, Field(max_length=TEXT_BYTES)]
_Output = Annotated[str, Field(max_length=MAX_OPERATION_BYTES)]
_EntryId = Annotated[str, Field(pattern=r"^[0-9]{1,20}-[0-9]{1,20}\z")]
_Integer = Annotated[int, Field(ge=0, le=MAX_INTEGER)]


class _Base(BaseModel):
    # defer_build: each schema is compiled once, inside the union below, not a second time for its class.
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", defer_build=True)


class ActionExecutionStarted(_Base):
    type: Literal["action_execution_started"] = "action_execution_started"
    action_id: _Name
    source: _Path
    execution_type: _Name
    started_at: _Integer
    execution_id: _Name | None = None
    heartbeats: bool | None = None


class ActionExecutionCompleted(_Base):
    type: Literal["action_execution_completed"] = "action_execution_completed"
    action_id: _Name
    success: bool
    output: _Output | None = None
    error: _Text | None = None
    duration_ms: _Integer
    completed_at: _Integer
    execution_id: _Name | None = None


class CleanupExecuted(_Base):
    type: Literal["cleanup_executed"] = "cleanup_executed"
    scanner_id: _Name
    resource_id: _Path
    action: _Name
    success: bool
    error: _Text | None = None
    executed_at: _Integer


class ActionExecutionOrphaned(_Base):
    type: Literal["action_execution_orphaned"] = "action_execution_orphaned"
    action_id: _Name
    execution_id: _Name
    reason: _Text
    orphaned_at: _Integer


class QuarantineDropped(_Base):
    type: Literal["quarantine_dropped"] = "quarantine_dropped"
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
_BY_TYPE: dict[str, type[Operation]] = {cls.model_fields["type"].default: cls for cls in _CLASSES}
_ADAPTER: TypeAdapter[Operation] = TypeAdapter(Annotated[Operation, Field(discriminator="type")])

_INTEGER_WORDS = f"an integer from 0 to {MAX_INTEGER}"
_BOOLEAN_WORDS = "true or false"
_EXPECTED = {
    **dict.fromkeys(
        ("action_id", "scanner_id", "execution_id", "execution_type", "action"),
        f"a string of 1 to {NAME_BYTES} bytes",
    ),
    **dict.fromkeys(("source", "resource_id"), f"a string of 1 to {PATH_BYTES} bytes"),
    **dict.fromkeys(("error", "reason"), f"a string of at most {TEXT_BYTES} bytes"),
    "output": f"a string of at most {MAX_OPERATION_BYTES} bytes",
    "entry_id": "an entry id, <milliseconds>-<number>",
    **dict.fromkeys(("success", "heartbeats"), _BOOLEAN_WORDS),
    **dict.fromkeys(
        ("started_at", "completed_at", "executed_at", "orphaned_at", "dropped_at", "duration_ms"), _INTEGER_WORDS
    ),
}
_BYTE_BOUNDS = {
    **dict.fromkeys(("action_id", "scanner_id", "execution_id", "execution_type", "action"), NAME_BYTES),
    **dict.fromkeys(("source", "resource_id"), PATH_BYTES),
    **dict.fromkeys(("error", "reason"), TEXT_BYTES),
    "output": MAX_OPERATION_BYTES,
}


def encode(operation: Operation) -> bytes:
    """The operation as compact JSON, `type` first, absent options omitted.

    Raises InvalidOperation when it is larger than MAX_OPERATION_BYTES or holds a lone surrogate.
    """
    try:
        raw = orjson.dumps({name: value for name, value in operation.__dict__.items() if value is not None})
    except TypeError as error:  # orjson's answer to text that has no UTF-8
        raise InvalidOperation("", "text that UTF-8 can carry", "a lone surrogate") from error
    if len(raw) > MAX_OPERATION_BYTES:
        raise InvalidOperation("", f"an operation of at most {MAX_OPERATION_BYTES} bytes", f"{len(raw)} bytes")
    return raw


def operation_of(fields: dict[str, Any]) -> Operation:
    """The operation that `fields` (with `type`) describe; raises InvalidOperation for what is out of bounds."""
    operation = _validated(fields)
    _check_bytes(operation)
    return operation


def encoded(fields: dict[str, Any]) -> tuple[Operation, bytes]:
    """The operation that `fields` describe, and its bytes; raises as `operation_of` and `encode` do."""
    operation = _validated(fields)
    raw = encode(operation)
    if not raw.isascii():  # else the bounds in characters were bounds in bytes
        _check_bytes(operation)
    return operation, raw


def _validated(fields: dict[str, Any]) -> Operation:
    try:
        operation: Operation = _VALIDATE(fields)
    except ValidationError as error:
        raise InvalidOperation(*_complaint(error)) from None
    return operation


def decode(raw: bytes) -> Operation:
    """The operation in `raw`; raises UndecodableOperation, whose words do not depend on any library's."""
    try:
        if len(raw) > MAX_OPERATION_BYTES:
            raise InvalidOperation("", f"an operation of at most {MAX_OPERATION_BYTES} bytes", f"{len(raw)} bytes")
        operation: Operation = _VALIDATE_JSON(raw)
        escaped = b"\\" in raw
        # Where every character is one byte, the validator's bounds in characters were bounds in bytes.
        if not raw.isascii() or (escaped and b"\\u" in raw):
            _check_bytes(operation)
        # In valid JSON a field name and a string value have two quotes each. As many as the known fields
        # account for: no field stands there twice, and none is unknown. Counting costs a tenth of parsing again.
        quotes = (raw.replace(b"\\\\", b"").replace(b'\\"', b"") if escaped else raw).count(b'"')
        required, optional = _QUOTES[type(operation)]
        fields = operation.__dict__
        for name, count in optional:
            if fields[name] is not None:
                required += count
        if quotes != required:
            _check_names(raw)
        return operation
    except ValidationError as error:
        complaint = _complaint(error)
    except InvalidOperation as error:
        complaint = (error.field, error.expected, error.found)
    raise UndecodableOperation(*complaint, raw=raw)


_VALIDATE = _ADAPTER.validator.validate_python
_VALIDATE_JSON = _ADAPTER.validator.validate_json


def _quotes_of(cls: type[Operation]) -> tuple[int, list[tuple[str, int]]]:
    """Quotes that the required fields of `cls` take in JSON, and those of each optional one when given."""
    required, optional = 0, []
    for name, field in cls.model_fields.items():
        count = 2 if name in _EXPECTED and _EXPECTED[name] in (_INTEGER_WORDS, _BOOLEAN_WORDS) else 4
        if field.is_required() or name == "type":
            required += count
        else:
            optional.append((name, count))
    return required, optional


_QUOTES = {cls: _quotes_of(cls) for cls in _CLASSES}


def _check_bytes(operation: Operation) -> None:
    for name, value in operation.__dict__.items():
        bound = _BYTE_BOUNDS.get(name)
        if bound is not None and value is not None:
            size = len(value.encode("utf-8", "surrogatepass"))
            if size > bound:
                raise InvalidOperation(name, _EXPECTED[name], f"{size} bytes")


def _check_names(raw: bytes) -> None:
    """Refuse an object with a repeated field name or more than MAX_FIELDS fields."""
    pairs: list[tuple[str, Any]] = []

    def keep(found: list[tuple[str, Any]]) -> None:
        nonlocal pairs
        pairs = found  # the outermost object comes last

    try:
        json.loads(raw, object_pairs_hook=keep, parse_int=str, parse_constant=_refuse_constant)
    except ValueError as error:
        raise InvalidOperation("", "JSON", "text that is no JSON") from error
    if len(pairs) > MAX_FIELDS:
        raise InvalidOperation("", f"at most {MAX_FIELDS} fields", f"{len(pairs)}")
    seen = set()
    for name, _ in pairs:
        if name in seen:
            raise InvalidOperation(_brief(name), "the field once", "it repeated")
        seen.add(name)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _complaint(error: ValidationError) -> tuple[str, str, str]:
    """(field, expected, found) of the first thing that is wrong, in our own words."""
    first = error.errors(include_url=False, include_context=False)[0]
    match first["type"]:
        case "json_invalid":
            return "", "JSON", "text that is no JSON in UTF-8"
        case "dict_type" | "model_type" | "model_attributes_type":
            return "", "a JSON object", _found(first["input"])
        case "union_tag_invalid":
            return "type", f"one of {', '.join(_BY_TYPE)}", _found(first["input"].get("type"))
        case "union_tag_not_found":
            return "type", f"one of {', '.join(_BY_TYPE)}", "nothing"
        case "missing":
            field = str(first["loc"][-1])
            return field, _EXPECTED[field], "nothing"
    field = str(first["loc"][1])
    return field, _EXPECTED[field], _found(first["input"])


def _found(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() if value.bit_length() > 128:
            return "a number of more than 38 digits"  # Python refuses to write out the longest
        case int() | float():
            return f"the number {_brief(str(value))}"
        case str() if len(value) > 40:
            return f"a string of {len(value.encode('utf-8', 'surrogatepass'))} bytes"
        case str():
            return f"the string {json.dumps(value, ensure_ascii=True)}"
        case list() | tuple():
            return "a list"
        case dict():
            return "an object"
    return f"a value of type {type(value).__name__}"


def _brief(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"
