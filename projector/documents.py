"""The documents that the commands print with `--json`, as models, and their JSON Schema in docs/schema/.

`python -m projector.documents docs/schema` writes the schema of each document into that directory.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass
from pydantic.json_schema import GenerateJsonSchema

from projector.doctor.finding import Finding
from projector.quarantine.entry import QuarantinedEntry
from projector.query.overview import ActionOverview, Overview, Running
from projector.query.results import Status
from projector.records import ActionExecutionRecord, CleanupRecord, InFlightRecord
from projector.verification import Difference, Verification


@dataclass(frozen=True)
class KeptField:
    """A field of an entry in the quarantine; `value` is cut where `length`, in bytes, says more."""

    name: str
    value: str
    length: int


@dataclass(frozen=True)
class KeptEntry:
    """An entry of the quarantine. Bytes that are no UTF-8 are written as `\\xff`."""

    entry_id: str
    at: int
    reason: str
    by: str | None
    seq: str | None
    fields: list[KeptField]
    more_fields: int

    @classmethod
    def of(cls, entry: QuarantinedEntry) -> KeptEntry:
        fields = [KeptField(_text(field.name), _text(field.value), field.length) for field in entry.fields]
        return cls(entry.entry_id, entry.at, entry.reason, entry.by, entry.seq, fields, entry.more_fields)


@dataclass(frozen=True)
class Verified:
    """The outcome of `verify`."""

    identical: bool
    at: str
    entries: int
    moved: bool
    differences: tuple[Difference, ...]

    @classmethod
    def of(cls, found: Verification) -> Verified:
        return cls(found.identical, found.at, found.entries, found.moved, found.differences)


@dataclass(frozen=True)
class Examined:
    """The outcome of `doctor`."""

    namespace: str
    server: str
    healthy: bool
    findings: list[Finding]


DOCUMENTS: dict[str, TypeAdapter[Any]] = {
    "stats": TypeAdapter(Overview),
    "stats-action": TypeAdapter(ActionOverview),
    "recent": TypeAdapter(list[ActionExecutionRecord]),
    "failures": TypeAdapter(list[ActionExecutionRecord]),
    "cleanups": TypeAdapter(list[CleanupRecord]),
    "in-flight": TypeAdapter(list[Running]),
    "in-flight-orphans": TypeAdapter(list[InFlightRecord]),
    "status": TypeAdapter(Status),
    "quarantine-list": TypeAdapter(list[KeptEntry]),
    "quarantine-show": TypeAdapter(KeptEntry),
    "verify": TypeAdapter(Verified),
    "doctor": TypeAdapter(Examined),
}
"""The document of each command; `stats-action` is that of `stats ACTION`, `in-flight-orphans` of its `--orphans`."""


class _EveryFieldRequired(GenerateJsonSchema):
    """A document has every field, also those that have a default."""

    def field_is_required(self, field: object, total: bool) -> bool:  # noqa: ARG002 - as pydantic calls it
        return True


def schema_of(name: str) -> bytes:
    """The JSON Schema of a document, as its file in docs/schema/ has it."""
    schema = DOCUMENTS[name].json_schema(mode="serialization", schema_generator=_EveryFieldRequired)
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


if __name__ == "__main__":
    for document in DOCUMENTS:
        Path(sys.argv[1], f"{document}.json").write_bytes(schema_of(document))
