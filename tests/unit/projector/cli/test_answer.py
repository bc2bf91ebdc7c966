"""What programs read of an answer: lines of JSON, CSV, and the same times twice."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
import typer

from projector.answers.documents.answer import Answer, listed, plain
from projector.cli.options import View
from projector.cli.read.answer import lines_of
from projector.query import Records
from projector.query.overview import Running, beside_usual
from projector.records import ActionExecutionRecord, CleanupRecord, InFlightRecord

ODD = 'a "quoted", text\nin two lines \u202e \N{OTTER}'
RUN = ActionExecutionRecord(
    "deploy", None, None, False, 5, ODD, 1_790_000_000_123, None, None, None, "9-1", labels={"user": ODD}
)
CLEANED = CleanupRecord(ODD, "lock", "release", True, None, 1_790_000_000_000, None, "9-2")
STARTED = InFlightRecord("sync", "back\rward", "command", 1_790_000_000_000, None, None, False, "6-0")


def test_a_record_has_its_time_as_a_number_and_as_iso() -> None:
    assert list(plain(RUN))[6:8] == ["timestamp", "at"]
    assert plain(RUN)["at"] == "2026-09-21T14:13:20.123Z"
    assert plain(STARTED)["at"] == plain(beside_usual([STARTED], {}, now=0)[0])["at"] == "2026-09-21T14:13:20.000Z"
    assert plain(replace(RUN, timestamp=2**53 - 1))["at"] == "9999-12-31T23:59:59.999Z"


def test_the_envelope_tells_how_far_the_records_reach() -> None:
    found = listed(Records([CLEANED], complete=False, since=7))
    assert found == {"complete": False, "since": 7, "records": [CLEANED]}
    assert plain(found)["records"] == [plain(CLEANED)]


def test_each_row_is_a_line_of_json() -> None:
    lines = list(lines_of(Answer(None, [RUN, RUN]), View(as_lines=True)))
    assert [line.count("\n") for line in lines] == [1, 1]
    assert [json.loads(line) for line in lines] == [plain(RUN)] * 2


@pytest.mark.parametrize("record", [RUN, CLEANED, STARTED, *beside_usual([STARTED], {"sync": 9}, now=0)])
def test_csv_gives_back_what_was_written(record: Any) -> None:
    text = "".join(lines_of(Answer(None, [record], type(record)), View(form="csv")))
    (row,) = csv.DictReader(StringIO(text, newline=""))
    expected = plain(record)
    assert list(row) == list(expected)
    for name, value in expected.items():
        if isinstance(value, bool | dict):
            assert json.loads(row[name]) == value
        else:
            assert row[name] == ("" if value is None else str(value))


def test_csv_on_a_terminal_is_nothing_that_it_obeys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projector.cli.read.answer.is_terminal", lambda: True)
    _, line = lines_of(Answer(None, [STARTED], InFlightRecord), View(form="csv"))
    assert line.startswith("sync,back\\rward,command,")


def test_csv_without_rows_has_its_heading() -> None:
    (heading,) = lines_of(Answer(None, [], Running), View(form="csv"))
    assert heading.startswith("action_id,source,execution_type,started_at,at,")


def test_one_form_excludes_the_others() -> None:
    with pytest.raises(typer.BadParameter, match="exclude each other"):
        View(as_json=True, form="csv")
