"""Records as the fold writes them: the JSON of `projector/records.py`."""

from __future__ import annotations

from dataclasses import MISSING, asdict, fields

import orjson
import pytest

import projector.records as records
from projector.fold import record

RUN = records.InFlightRecord(
    action_id='"a\\b"\n\x00\x1f\x7f',
    source="watcher:ä€😀\u2028",
    execution_type="command",
    started_at=2**53 - 1,
    execution_id=None,
    by="host:1:ab",
    heartbeats=True,
    entry_id="5-0",
    command="make\x1b",
    attempt=2,
    labels={"host": "ä"},
)

STORED = orjson.dumps({name: value for name, value in asdict(RUN).items() if name != records.NAMESPACE})


@pytest.mark.parametrize("name", ["ActionExecutionRecord", "CleanupRecord", "InFlightRecord"])
def test_a_record_is_written_with_the_fields_of_its_class_in_their_order(name: str) -> None:
    kind = getattr(records, name)
    expected = {field.name: number for number, field in enumerate(fields(kind)) if field.name != "namespace"}
    assert record.to_json(getattr(record, name)(*expected.values())) == orjson.dumps(expected)


def test_texts_and_numbers_are_written_as_orjson_writes_the_class_of_the_record() -> None:
    written = record.InFlightRecord(
        *(getattr(RUN, field.name) for field in fields(RUN) if field.name != records.NAMESPACE)
    )
    assert record.to_json(written) == STORED


def test_an_optional_field_that_was_not_given_is_not_written() -> None:
    required = [getattr(RUN, field.name) for field in fields(RUN) if field.default is MISSING]
    assert set(orjson.loads(record.to_json(record.InFlightRecord(*required)))) == {
        *("action_id", "source", "execution_type", "started_at", "execution_id", "by", "heartbeats", "entry_id")
    }


def test_a_run_that_is_read_again_is_the_same_run_and_moving_it_changes_the_entry_alone() -> None:
    run = record.in_flight_of(STORED)
    assert record.to_json(run) == STORED
    moved = orjson.loads(record.to_json(record.at_entry(run, "9-1")))
    assert moved == orjson.loads(STORED) | {"entry_id": "9-1"}


@pytest.mark.parametrize("raw", [b"{}", b"[]", b"", orjson.dumps({**orjson.loads(STORED), "more": 1})])
def test_json_of_another_kind_is_no_run(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        record.in_flight_of(raw)
