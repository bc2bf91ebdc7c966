"""The documents that the commands print with `--json`, as models, and their JSON Schema in docs/schema/.

`python -m projector.documents docs/schema` writes the schema of each document into that directory.
"""

import sys
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import orjson
from pydantic import BaseModel, BeforeValidator, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from projector.archive.archiver import Archived
from projector.doctor.finding import Finding
from projector.evidence.examination import Fault
from projector.losses.examination import Losses
from projector.query.overview import ActionOverview, NamespaceStanding, Overview, Running
from projector.query.questions.history import Point, Step
from projector.query.questions.kinds import ActionFailureKind
from projector.query.questions.show import Shown
from projector.query.questions.trail import Deed
from projector.query.results import ProducerStanding, ScannerStats, Status
from projector.records import ActionExecutionRecord, CleanupRecord, InFlightRecord
from projector.verification import Difference

_R = TypeVar("_R")
_Text = Annotated[str, BeforeValidator(lambda raw: raw.decode("utf-8", "backslashreplace"))]


class KeptField(BaseModel):
    """A field of an entry in the quarantine; `value` is cut where `length`, in bytes, says more."""

    name: _Text
    value: _Text
    length: int


class KeptEntry(BaseModel):
    """An entry of the quarantine. Bytes that are no UTF-8 are written as `\\xff`."""

    entry_id: str
    at: int
    reason: str
    by: str | None
    seq: str | None
    fields: list[KeptField]
    more_fields: int


class Verified(BaseModel):
    """The outcome of `verify`."""

    identical: bool
    at: str
    entries: int
    moved: bool
    differences: tuple[Difference, ...]
    losses: Losses | None


class ArchiveExamined(BaseModel):
    """The outcome of `archive verify`: the intact segments, the first fault, the entries whose loss somebody has
    accepted, and what was found about the log."""

    intact: bool
    segments: int
    entries: int
    last_id: str
    head: str
    signed_by: tuple[str, ...]
    unsigned: tuple[int, ...]
    since: int | None
    lost: int
    log: str
    fault: Fault | None


class SpoolFile(BaseModel, extra="forbid"):
    """A file of a spool that cannot be looked into: a living process `held` it just now, or there is `trouble`."""

    file: str
    held: bool
    trouble: str | None


class WaitingFile(SpoolFile):
    """A file of a spool, and what waits in it; `oldest_at` is in epoch ms."""

    by: str
    namespace: str
    server: str
    fsync: bool
    replicas: int
    dropped: int
    operations: int
    bytes: int
    oldest_at: int | None


class Spooled(BaseModel):
    """What waits in a directory, as `producer spool` prints it; `damaged` are the files that were put aside."""

    directory: str
    operations: int
    spools: list[WaitingFile | SpoolFile]
    damaged: list[str]


class EntryRead(BaseModel, extra="forbid"):
    """An entry of the log, which the server took at `time`, epoch ms: an `operation`, or why it is none."""

    entry_id: str
    time: int
    at: str
    type: str | None
    operation: dict[str, Any] | None
    by: str | None
    seq: int | None
    retry_of: str | None
    rejection: str | None
    namespace: str


class Examined(BaseModel):
    """The outcome of `doctor`."""

    namespace: str
    server: str
    healthy: bool
    findings: list[Finding]


class NotDone(BaseModel, extra="forbid"):
    """A namespace for which a command could not do its work, because of `error`."""

    namespace: str
    error: str


class VerifiedNamespace(Verified):
    """The outcome of `verify` for one of several namespaces."""

    namespace: str


class VerifiedSeveral(BaseModel):
    """The outcome of `verify` for several namespaces, or partitions: whether all are `identical`."""

    identical: bool
    namespaces: list[VerifiedNamespace | NotDone]


class ExaminedSeveral(BaseModel):
    """The outcome of `doctor` for several namespaces, or partitions: whether all are `healthy`. A namespace that has
    partitions, and no log of its own, has findings about these alone."""

    healthy: bool
    namespaces: list[Examined | NotDone]


class ArchivedNamespace(BaseModel):
    """The outcome of `archive once` for one of several namespaces."""

    namespace: str
    entries: int
    segments: int
    head: str
    last_id: str


class ArchivedSeveral(BaseModel):
    """The outcome of `archive once` for several namespaces, or partitions: whether all are `archived`."""

    archived: bool
    namespaces: list[ArchivedNamespace | NotDone]


class ArchiveExaminedNamespace(ArchiveExamined):
    """The outcome of `archive verify` for one of several namespaces."""

    namespace: str


class ArchivesExamined(BaseModel):
    """The outcome of `archive verify` for several namespaces, or partitions: whether all are `intact`."""

    intact: bool
    namespaces: list[ArchiveExaminedNamespace | NotDone]


class Listed(BaseModel, Generic[_R]):
    """Records, the latest first; as `Records` of the library it tells whether they are complete, else since when."""

    complete: bool
    since: int | None
    records: list[_R]


class OverTime(Listed[Point]):
    """What ran over time, the oldest point first; `action_id` is null for all actions together."""

    action_id: str | None
    step: Step


DOCUMENTS: dict[str, TypeAdapter[Any]] = {
    "stats": TypeAdapter(Overview),
    "stats-action": TypeAdapter(ActionOverview),
    "log": TypeAdapter(Listed[EntryRead]),
    "recent": TypeAdapter(Listed[ActionExecutionRecord]),
    "failures": TypeAdapter(Listed[ActionExecutionRecord]),
    "failures-grouped": TypeAdapter(Listed[ActionFailureKind]),
    "cleanups": TypeAdapter(Listed[CleanupRecord]),
    "in-flight": TypeAdapter(list[Running]),
    "in-flight-orphans": TypeAdapter(list[InFlightRecord]),
    "history": TypeAdapter(OverTime),
    "status": TypeAdapter(Status),
    "show": TypeAdapter(Shown),
    "trail": TypeAdapter(Listed[Deed]),
    "quarantine-list": TypeAdapter(list[KeptEntry]),
    "quarantine-show": TypeAdapter(KeptEntry),
    "verify": TypeAdapter(Verified),
    "doctor": TypeAdapter(Examined),
    "archive-once": TypeAdapter(Archived),
    "archive-verify": TypeAdapter(ArchiveExamined),
    "verify-several": TypeAdapter(VerifiedSeveral),
    "doctor-several": TypeAdapter(ExaminedSeveral),
    "archive-once-several": TypeAdapter(ArchivedSeveral),
    "archive-verify-several": TypeAdapter(ArchivesExamined),
    "spool": TypeAdapter(Spooled),
    "namespaces": TypeAdapter(list[NamespaceStanding]),
    "scanners": TypeAdapter(list[ScannerStats]),
    "producers": TypeAdapter(Listed[ProducerStanding]),
}
"""The document of each command; `stats-action` is that of `stats ACTION`, `in-flight-orphans` and
`failures-grouped` of those commands' options, `verify-several` that of `verify` for several namespaces, and so on.
`scanners` and `producers` are the web API's alone."""


def document(name: str, value: object) -> Any:
    """An object that has the fields of the document `name` as attributes, as that document: in plain types."""
    kind = DOCUMENTS[name]
    return kind.dump_python(kind.validate_python(value, from_attributes=True))


class _AsPrinted(GenerateJsonSchema):
    """A document has every field, also those that have a default, and each record its time as `at`, too."""

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        made = super().dataclass_schema(schema)
        if isinstance(getattr(schema["cls"], "at", None), property):
            made["properties"]["at"] = {"format": "date-time", "title": "At", "type": "string"}
            made["required"].append("at")
        return made

    def field_is_required(self, field: object, total: bool) -> bool:  # noqa: ARG002 - as pydantic calls it
        return True


def schema_of(name: str) -> bytes:
    """The JSON Schema of a document, as its file in docs/schema/ has it: each object begins with its version."""
    schema = DOCUMENTS[name].json_schema(mode="serialization", schema_generator=_AsPrinted)
    if schema["type"] == "object":
        version = {"const": 1, "title": "Version", "type": "integer"}
        schema["properties"] = {"version": version, **schema["properties"]}
        schema["required"] = ["version", *schema["required"]]
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    for each in DOCUMENTS:
        Path(sys.argv[1], f"{each}.json").write_bytes(schema_of(each))
