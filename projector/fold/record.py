"""The records of `projector/records.py` as the fold writes them: with msgspec, in a sixth of a dataclass's time."""

from __future__ import annotations

from typing import TypeVar, cast, get_type_hints

import msgspec

import projector.records as records

_R = TypeVar("_R")

to_json = msgspec.json.Encoder().encode
"""The JSON of a record: every field, in the order of its class."""


def _struct_of(record: type[_R]) -> type[_R]:
    """A Struct with the fields of `record`. mypy takes it for `record`, so that it checks each call."""
    fields = list(get_type_hints(record).items())
    return cast(
        type[_R],
        msgspec.defstruct(record.__name__, fields, frozen=True, gc=False, forbid_unknown_fields=True),
    )


ActionExecutionRecord = _struct_of(records.ActionExecutionRecord)
CleanupRecord = _struct_of(records.CleanupRecord)
InFlightRecord = _struct_of(records.InFlightRecord)

_read_in_flight = msgspec.json.Decoder(InFlightRecord).decode


def in_flight_of(raw: bytes) -> records.InFlightRecord:
    """A run, read from its JSON; raises ValueError for JSON that is no InFlightRecord."""
    return _read_in_flight(raw)


def at_entry(run: records.InFlightRecord, entry_id: str) -> records.InFlightRecord:
    """`run`, moved by the entry `entry_id` to where it stands now."""
    return cast(records.InFlightRecord, msgspec.structs.replace(cast(msgspec.Struct, run), entry_id=entry_id))
