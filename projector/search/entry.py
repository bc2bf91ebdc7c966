"""An entry of the log as a reader of the library gets it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from producer.log import Entry
from producer.text.moment import datetime_of, iso_of
from projector.archive.line import line_of
from projector.entry_id import milliseconds_of
from projector.fold.entry import Entry as Read


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """An entry of the log, which the server took at `time` (epoch ms).

    It has an `operation` of the type `type`, a dictionary of the fields that were given, or a `rejection`, which says
    why it cannot be read. `by` and `seq` are the producer and its number for the operation; an entry without them is
    from no producer. `retry_of` names the entry of the quarantine in whose place it was appended. It is of the log of
    `namespace`.
    """

    entry_id: str
    time: int
    type: str | None
    operation: dict[str, Any] | None
    by: str | None
    seq: int | None
    retry_of: str | None
    rejection: str | None
    namespace: str = ""
    fields: list[bytes] = field(repr=False, compare=False)
    """The names and values of the entry alternately, as the server has them."""

    @property
    def at(self) -> datetime:
        """`time` in UTC."""
        return datetime_of(self.time)

    @property
    def line(self) -> str:
        """The entry as a line of the archive, in which no byte is lost (`projector/archive/line.py`)."""
        return line_of(self._raw).decode()

    @property
    def document(self) -> dict[str, Any]:
        """What `--json` prints of it."""
        rest = ("type", "operation", "by", "seq", "retry_of", "rejection", "namespace")
        told = {"entry_id": self.entry_id, "time": self.time, "at": iso_of(self.at)}
        return told | {name: getattr(self, name) for name in rest}

    @property
    def _raw(self) -> Entry:
        return self.entry_id.encode(), self.fields


def log_entry_of(read: Read, namespace: str = "") -> LogEntry:
    """From an entry of `namespace` that was read strictly."""
    operation = read.operation
    given = None
    if operation is not None:
        values = ((name, getattr(operation, name)) for name in operation.__struct_fields__)
        given = {"type": operation.type} | {name: value for name, value in values if value is not None}
    return LogEntry(
        entry_id=read.id,
        time=milliseconds_of(read.id),
        type=operation.type if operation else None,
        operation=given,
        by=read.by,
        seq=read.seq or None,
        retry_of=read.retry_of,
        rejection=read.rejection,
        namespace=namespace,
        fields=read.fields,
    )
