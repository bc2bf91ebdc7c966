"""The formats: every column of every operation arrives, and so does what is no operation."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import ClassVar

import pyarrow.parquet
import pytest
from msgspec.structs import replace

from producer.log import Entry
from producer.wal import OP
from projector.archive.line import entry_of
from projector.errors import ProjectorError
from projector.export import formats, row
from projector.export.formats import FORMATS
from projector.export.row import COLUMNS
from projector.fold.entry import read_entry
from tests.support.extras import lack_of
from tests.support.projection import completed, started

ENTRIES: list[Entry] = [
    (b"1790000000000-0", [OP, started("a", "run").encode(), b"by", b"host:1:ab", b"seq", b"7", b"acked", b"6"]),
    (b"1790000000000-1", [OP, completed("a", False, "run", error='two\nlines, "quoted" \U0001f9a6').encode()]),
    (b"1790000000001-0", [OP, b'{"type":"quarantine_dropped","entry_id":"5-0","dropped_at":1}', b"retry_of", b"5-0"]),
    (b"1790000000002-0", [OP, b"gar\xffbage", b"more", b"1"]),
    (
        b"1790000000003-0",
        [OP, b'{"type":"gaps_accepted","producer_id":"p","seq":3,"accepted_at":1,"by":"me"}'],
    ),
]


def exported(form: str, entries: list[Entry]) -> bytes:
    file = io.BytesIO()
    FORMATS[form]([page for page in (entries[:2], entries[2:4], entries[4:]) if page], file)
    return file.getvalue()


def test_json_lines_give_back_each_entry() -> None:
    assert [entry_of(line) for line in exported("jsonl", ENTRIES).splitlines()] == ENTRIES


def test_a_carriage_return_alone_ends_no_line_of_csv() -> None:
    text = exported("csv", [(b"1-0", [OP, started("back\rward").encode()])]).decode()
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert (row["action_id"], text.count("\n")) == ("back\rward", 2)


@pytest.mark.parametrize("flag", [True, False])
def test_csv_writes_every_flag_in_one_form(flag: bool) -> None:
    beating = [(b"1-0", [OP, started("a", heartbeats=flag).encode()]), (b"1-1", [OP, completed("a", flag).encode()])]
    first, second = csv.DictReader(io.StringIO(exported("csv", beating).decode(), newline=""))
    assert (first["heartbeats"], second["success"]) == (str(flag).lower(), str(flag).lower())


def test_csv_has_a_column_for_each_field() -> None:
    rows = list(csv.DictReader(io.StringIO(exported("csv", ENTRIES).decode(), newline="")))
    assert list(rows[0]) == list(COLUMNS)
    told = [{name: value for name, value in row.items() if value} for row in rows]
    assert told[0] == {
        "id": "1790000000000-0",
        "time": "2026-09-21T14:13:20.000Z",
        "type": "action_execution_started",
        "action_id": "a",
        "source": "manual",
        "execution_type": "command",
        "execution_id": "run",
        "started_at": "1790000000000",
        "by": "host:1:ab",
        "seq": "7",
        "acked": "6",
    }
    assert (told[1]["success"], told[1]["error"]) == ("false", 'two\nlines, "quoted" \U0001f9a6')
    assert (told[2]["retry_of"], told[2]["entry_id"]) == ("5-0", "5-0")
    assert told[3]["op"] == "gar\\xffbage"
    assert "type" not in told[3]
    assert told[3]["rejection"]
    assert (told[4]["op_by"], told[4]["op_seq"], "by" in told[4]) == ("me", "3", False)


def test_parquet_has_types_and_row_groups(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(formats, "_GROUP_ROWS", 2)
    path = tmp_path / "entries.parquet"
    path.write_bytes(exported("parquet", ENTRIES))
    file = pyarrow.parquet.ParquetFile(path)
    assert file.num_row_groups == 3
    rows = file.read().to_pylist()
    assert [row["id"].encode() for row in rows] == [entry_id for entry_id, _ in ENTRIES]
    assert rows[0]["time"].isoformat() == "2026-09-21T14:13:20+00:00"
    assert (rows[0]["seq"], rows[1]["success"], rows[1]["duration_ms"], rows[1]["by"]) == (7, False, 5, None)


def test_parquet_of_nothing_is_a_table_without_rows(tmp_path: Path) -> None:
    path = tmp_path / "entries.parquet"
    path.write_bytes(exported("parquet", []))
    assert pyarrow.parquet.read_table(path).column_names == list(COLUMNS)


def test_the_package_of_parquet_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ProjectorError, match=re.escape(lack_of("pyarrow", "parquet"))):
        FORMATS["parquet"]([], io.BytesIO())


def test_a_nested_value_is_json_text(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nested:
        type = "nested"
        action_id: ClassVar[dict[str, str]] = {"host": "a"}
        __struct_fields__ = ("action_id",)

    entry = read_entry(*ENTRIES[0])
    monkeypatch.setattr(row, "read_entry", lambda *_: replace(entry, operation=Nested()))
    assert json.loads(row.row_of(ENTRIES[0])["action_id"]) == {"host": "a"}
