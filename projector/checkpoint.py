"""The checkpoint of a projection: where it stands in the log, and what was counted on the way there."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import Field, asdict, dataclass, fields
from typing import Any

from projector.bounds import SCHEMA, Bounds
from projector.entry_id import order_of
from projector.errors import damaged, text_of


@dataclass(slots=True)
class Checkpoint:
    """The hash `{ns}:checkpoint`, field by field. A checkpoint begun without arguments stands before the first entry.

    `schema` and `config` say what the projection was made with. `torn` is there only while a commit is being written:
    the id of the batch's first entry.
    """

    last_id: str = ""
    entries: int = 0
    trimmed: int = 0
    lost: int = 0
    """Entries whose loss somebody has accepted, also counted in `entries`."""
    quarantined: int = 0
    """Entries set aside and neither retried nor dropped since, also those that the bound has pushed out."""
    duplicates: int = 0
    missing: int = 0
    in_flight_replaced: int = 0
    in_flight_evicted: int = 0
    orphans_evicted: int = 0
    actions_evicted: int = 0
    scanners_evicted: int = 0
    producers_evicted: int = 0
    archive_head: str = ""
    """The hash of the archive's newest manifest, as the log tells it."""
    archive_last_id: str = ""
    """The last entry that the archive has, as the log tells it."""
    schema: str = ""
    config: str = ""
    torn: str | None = None

    @classmethod
    def of_hash(cls, found: Mapping[bytes, bytes], key: bytes) -> Checkpoint | None:
        """The checkpoint that HGETALL found under `key`; None for an absent key.

        Absent fields have their defaults, unknown fields are ignored. Raises Damaged, which names key and field, for
        a value that no projector writes.
        """
        if not found:
            return None
        raws = {field: raw for field in fields(cls) if (raw := found.get(field.name.encode())) is not None}
        return cls(**{field.name: _value(field, raw, key) for field, raw in raws.items()})

    def fields(self) -> dict[str, str | int]:
        """The hash that a commit writes."""
        found = asdict(self)
        del found["torn"]
        return {name: value for name, value in found.items() if value or name not in _LATER}

    def is_made_with(self, bounds: Bounds) -> bool:
        """Whether this version, with these bounds, goes on with the projection."""
        return (self.schema, self.config) == (SCHEMA, bounds.config().decode())

    def bounds(self) -> Bounds:
        """The bounds that the projection was made with; raises ValueError for a configuration of another version."""
        return Bounds.of_config(self.config.encode())


_LATER = ("lost", "archive_head", "archive_last_id")
"""Fields that came after schema "1": left out while they are empty, so that older projections stay as they are."""


def _value(field: Field[Any], raw: bytes, key: bytes) -> Any:
    is_id = field.name.endswith("last_id")
    expected = "an entry id" if is_id else "a number" if field.type == "int" else "a text"
    with suppress(ValueError):
        if field.type != "int":
            text = raw.decode()
            if is_id and text:
                order_of(text)
            return text
        if raw.isdigit():
            return int(raw)
    raise damaged(
        key, f"{text_of(raw[:100])!r} in field {field.name}, where {expected} is expected: somebody put it there"
    )
