"""The operations: what happened, as JSON objects tagged by `type`. The wire contract of the write-ahead log.

Times are epoch milliseconds, durations milliseconds, both integers in 0 … 2^53−1. Strings are bounded in bytes
of UTF-8 and kept as they are. Absent options are omitted when written; `null` is accepted and unknown fields are
ignored when read. Reading is strict: `"5"`, `1e3` and `true` are no integers, a repeated name of a field or label is
an error.
"""

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, get_args

from msgspec import Meta, Struct, ValidationError, convert
from msgspec.json import Decoder, Encoder
from msgspec.structs import asdict
from msgspec.structs import fields as fields_of

from producer.errors import InvalidOperation, UndecodableOperation
from producer.text.strict_json import brief, value_of

MAX_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader, sorted-set score and JavaScript number keeps exact."""
MAX_OPERATION_BYTES = 1 << 20
"""The largest `op` of an entry."""
NAME_BYTES = 256
PATH_BYTES = 4096
TEXT_BYTES = 4096
MAX_LABELS = 16
LABEL_BYTES = 256
OUTPUT_BYTES = 16 << 10
"""The bound to which a producer cuts `output`, unless its caller says. A reader takes any that fits an operation."""


def _text(least: int, most: int) -> Meta:
    # Bounds in characters are necessary, not sufficient: `_check_bytes` applies `most` to UTF-8.
    words = f"a string of {f'{least} to' if least else 'at most'} {most} bytes"
    return Meta(min_length=least, max_length=most, description=words)


# The description of a type is what a message says was expected.
_Name = Annotated[str, _text(1, NAME_BYTES)]
_Path = Annotated[str, _text(1, PATH_BYTES)]
_Text = Annotated[str, _text(0, TEXT_BYTES)]
_Output = Annotated[str, _text(0, MAX_OPERATION_BYTES)]
_EntryId = Annotated[
    str, Meta(pattern=r"\A[0-9]{1,20}-[0-9]{1,20}\Z", description="an entry id, <milliseconds>-<number>")
]
_Hash = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z", description="a SHA-256 of 64 hexadecimal digits")]
_Integer = Annotated[int, Meta(ge=0, le=MAX_INTEGER, description=f"an integer from 0 to {MAX_INTEGER}")]
_Number = Annotated[int, Meta(ge=1, lt=10**16, description="an integer from 1 of at most 16 digits")]
_Count = Annotated[int, Meta(ge=1, le=MAX_INTEGER, description=f"an integer from 1 to {MAX_INTEGER}")]
_Flag = Annotated[bool, Meta(description="true or false")]
_ExitCode = Annotated[int, Meta(ge=-(2**31), lt=2**32, description="an integer from -2^31 to 2^32-1")]
_LABEL_NAME = r"\A[A-Za-z0-9_.-]{1,64}\Z"
_is_label_name = re.compile(_LABEL_NAME).search
_Labels = Annotated[
    dict[Annotated[str, Meta(pattern=_LABEL_NAME)], Annotated[str, Meta(max_length=LABEL_BYTES)]],
    Meta(
        max_length=MAX_LABELS,
        description=f"an object of at most {MAX_LABELS} labels, whose names are 1 to 64 characters of "
        f"A-Z a-z 0-9 _ . - and whose values strings of at most {LABEL_BYTES} bytes",
    ),
]


class _Base(Struct, frozen=True, omit_defaults=True, tag_field="type", gc=False):
    """Fields are written in their order here, after `type`. The constructor checks nothing: `operation_of`, `encode`
    and `decode` do."""

    @property
    def type(self) -> str:
        return str(self.__struct_config__.tag)

    @property
    def moment(self) -> tuple[str, int]:
        """The name of the field that says when it happened, and what it says (epoch ms)."""
        name = _moment_field(type(self))
        return name, getattr(self, name)


@cache  # the archiver asks for each entry: looking took a sixth of its time
def _moment_field(cls: type[Struct]) -> str:
    return next(name for name in cls.__struct_fields__ if name.endswith("_at"))


class ActionExecutionStarted(_Base, tag="action_execution_started", frozen=True, kw_only=True):
    action_id: _Name
    source: _Path
    execution_type: _Name
    started_at: _Integer
    execution_id: _Name | None = None
    heartbeats: _Flag | None = None
    command: _Text | None = None
    attempt: _Count | None = None
    labels: _Labels | None = None


class ActionExecutionCompleted(_Base, tag="action_execution_completed", frozen=True, kw_only=True):
    action_id: _Name
    success: _Flag
    output: _Output | None = None
    error: _Text | None = None
    duration_ms: _Integer
    completed_at: _Integer
    execution_id: _Name | None = None
    exit_code: _ExitCode | None = None
    labels: _Labels | None = None


class CleanupExecuted(_Base, tag="cleanup_executed", frozen=True, kw_only=True):
    scanner_id: _Name
    resource_id: _Path
    action: _Name
    success: _Flag
    error: _Text | None = None
    executed_at: _Integer
    execution_id: _Name | None = None
    labels: _Labels | None = None


class ActionExecutionOrphaned(_Base, tag="action_execution_orphaned", frozen=True, kw_only=True):
    action_id: _Name
    execution_id: _Name
    reason: _Text
    orphaned_at: _Integer


class QuarantineDropped(_Base, tag="quarantine_dropped", frozen=True, kw_only=True):
    entry_id: _EntryId
    dropped_at: _Integer


class GapsAccepted(_Base, tag="gaps_accepted", frozen=True, kw_only=True):
    """Somebody accepts that numbers of a producer are missing, up to `seq`, the highest that was missing then."""

    producer_id: _Name
    seq: _Number
    accepted_at: _Integer
    by: _Name | None = None
    reason: _Text | None = None


class ArchiveSealed(_Base, tag="archive_sealed", frozen=True, kw_only=True):
    """Segment `number` of the archive has its manifest, whose hash is `head`: up to `last_id` all entries, `entries`
    of them, are archived."""

    number: _Number
    head: _Hash
    last_id: _EntryId
    entries: _Number
    sealed_at: _Integer


class LossAccepted(_Base, tag="loss_accepted", frozen=True, kw_only=True):
    """Somebody accepts that `entries` of the log are lost, whose ids lay from `first_id` to `last_id`."""

    entries: _Count
    first_id: _EntryId
    last_id: _EntryId
    reason: _Text
    accepted_at: _Integer
    by: _Name | None = None


class ExecutionResolved(_Base, tag="execution_resolved", frozen=True, kw_only=True):
    """Somebody decides how a run that has no end went."""

    action_id: _Name
    execution_id: _Name | None = None
    success: _Flag
    reason: _Text
    resolved_at: _Integer
    by: _Name | None = None


Operation = (
    ActionExecutionStarted
    | ActionExecutionCompleted
    | CleanupExecuted
    | ActionExecutionOrphaned
    | QuarantineDropped
    | GapsAccepted
    | ArchiveSealed
    | LossAccepted
    | ExecutionResolved
)
_CLASSES: tuple[type[Operation], ...] = get_args(Operation)
_BY_TYPE: dict[str, type[Operation]] = {str(cls.__struct_config__.tag): cls for cls in _CLASSES}
# In the words of schema "1": the quarantine keeps them, and `verify` compares them.
_LATER = ("gaps_accepted", "archive_sealed", "loss_accepted", "execution_resolved")
_TYPES = ", ".join(name for name in _BY_TYPE if name not in _LATER)


def _meta_of(annotation: Any) -> Meta:
    """The Meta of a field's type, which may be `… | None`."""
    optional = not hasattr(annotation, "__metadata__")
    meta: Meta = (get_args(annotation)[0] if optional else annotation).__metadata__[0]
    return meta


_METAS = {field.name: _meta_of(field.type) for cls in _CLASSES for field in fields_of(cls)}
_EXPECTED = {name: str(meta.description) for name, meta in _METAS.items()}
_BYTE_BOUNDS = {name: meta.max_length for name, meta in _METAS.items()}

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
    """The operation that `fields` (with `type`) describe, as compact JSON.

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
        raw = _to_json(_converted({name: _plain(value) for name, value in fields.items()}))
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
            return operation_of(value_of(raw, strict="labels"))
        if not raw.isascii():
            _check_bytes(operation)
    except InvalidOperation as error:
        raise UndecodableOperation(error.field, error.expected, error.found, raw=raw) from None
    return operation


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str.__str__(name): _plain(each) for name, each in value.items()}
    return str.__str__(value) if isinstance(value, str) else value


def _converted(fields: object) -> Operation:
    if not isinstance(fields, dict):
        raise InvalidOperation("", "a JSON object", _found(fields))
    kind = fields.get("type")
    cls = _BY_TYPE.get(kind) if isinstance(kind, str) else None
    if cls is None:
        found = _found(kind) if "type" in fields else "nothing"
        raise InvalidOperation("type", f"one of {_TYPES}", found)
    try:
        # To its class, because msgspec would analyze the union anew with each call.
        return convert(fields, cls)
    except (ValidationError, UnicodeEncodeError):  # the latter for a name that is a lone surrogate
        raise InvalidOperation(*_complaint(fields, cls)) from None


def _check_bytes(operation: Operation) -> None:
    for name in operation.__struct_fields__:
        value = getattr(operation, name)
        if isinstance(value, dict):
            for label, text in value.items():
                _check_text(name, text, LABEL_BYTES, f" in label {label}")
        elif value is not None and (bound := _BYTE_BOUNDS[name]) is not None:
            _check_text(name, value, bound)


def _check_text(name: str, value: str, bound: int, where: str = "") -> None:
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise InvalidOperation(name, _EXPECTED[name], f"{_found(value)}{where}") from None
    if size > bound:
        raise InvalidOperation(name, _EXPECTED[name], f"{size} bytes{where}")


def _complaint(fields: dict[Any, Any], cls: type[Operation]) -> tuple[str, str, str]:
    """(field, expected, found) of the first fault, in words of our own."""
    for field in fields_of(cls):
        if field.name in fields:
            value = fields[field.name]
            try:
                convert(value, field.type)
            except (ValidationError, UnicodeEncodeError):
                found = _found_in(value) if field.name == "labels" and isinstance(value, dict) else _found(value)
                return field.name, _EXPECTED[field.name], found
        elif field.required:
            return field.name, _EXPECTED[field.name], "nothing"
    return "", "fields whose names and type are strings", "others"


def _found_in(labels: dict[Any, Any]) -> str:
    """What is wrong with labels that are too many, or of which one is none."""
    if len(labels) > MAX_LABELS:
        return f"{len(labels)} labels"
    for name, value in labels.items():
        if not (isinstance(name, str) and _is_label_name(name)):
            return f"{_found(name)} as a name"
        if not isinstance(value, str) or len(value) > LABEL_BYTES:
            return f"{_found(value)} in label {name}"
    return "others"


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
