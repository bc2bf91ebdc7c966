"""An entry as a flat row: one column for each field of any operation, empty where the entry's operation lacks it."""

from typing import Any, get_args

import orjson
from msgspec.structs import fields as fields_of

from producer.log import Entry
from producer.operations import Operation
from producer.wal import OP
from projector.fold.entry import read_entry

_LAST = 253_402_300_799_999
"""The end of the year 9999 in epoch ms: other programs know no later time."""
_FIRST: dict[str, type] = {"id": str, "time": int, "type": str}
_ENTRYS: dict[str, type] = {"by": str, "seq": int, "acked": int, "retry_of": str, "rejection": str, "op": str}

_OPERATIONS = [field for kind in get_args(Operation) for field in fields_of(kind)]
_COLUMN = {field.name: f"op_{field.name}" if field.name in _FIRST | _ENTRYS else field.name for field in _OPERATIONS}
"""Of each operation's field; the names of the entry's own columns are the entry's."""
_KINDS = {
    _COLUMN[field.name]: next((kind for kind in (bool, int, str) if f"[{kind.__name__}," in str(field.type)), str)
    for field in _OPERATIONS
}
COLUMNS: dict[str, type] = _FIRST | _KINDS | _ENTRYS
"""The type of each column, in order. `time` is the entry's, by the server's clock, in epoch ms; what is nested is
JSON. `rejection` says why an entry could not be read; then `op` is what stands there."""


def row_of(entry: Entry) -> dict[str, Any]:
    """The columns of `entry` that hold something, by name."""
    read = read_entry(*entry)
    row: dict[str, Any] = {"id": read.id, "time": min(int(read.id.partition("-")[0]), _LAST)}
    if (operation := read.operation) is not None:
        row["type"] = operation.type
        for name in operation.__struct_fields__:
            if (value := getattr(operation, name)) is not None:
                row[_COLUMN[name]] = orjson.dumps(value).decode() if isinstance(value, dict) else value
    else:
        fields = dict(zip(read.fields[::2], read.fields[1::2], strict=True))
        row |= {"rejection": read.rejection, "op": fields.get(OP, b"").decode("utf-8", "backslashreplace")}
    if read.by is not None:
        row |= {"by": read.by, "seq": read.seq, "acked": read.acked}
    if read.retry_of is not None:
        row["retry_of"] = read.retry_of
    return row
