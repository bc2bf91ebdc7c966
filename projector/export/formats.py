"""The formats of an export. Each writes pages of entries to a file, and holds a bounded number of them."""

import csv
import io
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO

from producer.log import Entry
from producer.text.extra import needing
from producer.text.moment import datetime_of, iso_of
from projector.archive.line import line_of
from projector.errors import ProjectorError
from projector.export.row import COLUMNS, row_of

_GROUP_ROWS, _GROUP_BYTES = 20_000, 16 << 20
"""The bounds of a row group of Parquet; the bytes are those of the entries."""

Pages = Iterable[list[Entry]]


class _Echo:
    def write(self, text: str) -> str:
        return text


_csv = csv.writer(_Echo())
"""Its lines end in \\r\\n: else, before Python 3.13, a \\r alone gets no quotation marks."""


def csv_line(cells: Iterable[object]) -> str:
    """`cells` as a line of CSV, which ends in a newline."""
    line: Any = _csv.writerow(cells)  # what the file's `write` returns
    return str(line).removesuffix("\r\n") + "\n"


def _write_json_lines(pages: Pages, file: BinaryIO) -> None:
    """The lines of the archive's segments: every byte of an entry is in them."""
    for page in pages:
        file.write(b"".join(line_of(entry) + b"\n" for entry in page))


def _write_csv(pages: Pages, file: BinaryIO) -> None:
    """A heading and a line an entry. `time` is ISO 8601 in UTC; a flag is `true` or `false`."""
    text = io.TextIOWrapper(file, "utf-8", newline="")
    try:
        text.write(csv_line(COLUMNS))
        for page in pages:
            for row in map(row_of, page):
                row["time"] = iso_of(datetime_of(row["time"]))
                text.write(csv_line(_cell(row.get(name)) for name in COLUMNS))
    finally:
        text.detach()


def _cell(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def _write_parquet(pages: Pages, file: BinaryIO) -> None:
    """Columns with types; `time` is a timestamp in UTC."""
    with needing("parquet", "parquet", ProjectorError):
        import pyarrow
        from pyarrow.parquet import ParquetWriter
    kinds = {str: pyarrow.string(), int: pyarrow.int64(), bool: pyarrow.bool_()}
    types = {name: kinds[kind] for name, kind in COLUMNS.items()} | {"time": pyarrow.timestamp("ms", tz="UTC")}
    schema = pyarrow.schema(list(types.items()))
    rows: list[dict[str, Any]] = []
    size = 0
    with ParquetWriter(file, schema, compression="zstd") as table:
        for page in pages:
            rows += map(row_of, page)
            size += sum(len(field) for _, fields in page for field in fields)
            if len(rows) >= _GROUP_ROWS or size >= _GROUP_BYTES:
                table.write_table(pyarrow.Table.from_pylist(rows, schema))
                rows, size = [], 0
        if rows:
            table.write_table(pyarrow.Table.from_pylist(rows, schema))


FORMATS: dict[str, Callable[[Pages, BinaryIO], None]] = {
    "jsonl": _write_json_lines,
    "csv": _write_csv,
    "parquet": _write_parquet,
}
