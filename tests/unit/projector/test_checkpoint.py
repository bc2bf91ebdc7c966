"""The checkpoint, read from its hash by the names of its fields."""

from __future__ import annotations

import pytest

from projector.bounds import SCHEMA, Bounds
from projector.checkpoint import Checkpoint
from projector.errors import Damaged

KEY = b"{otters}:checkpoint"


def hash_of(checkpoint: Checkpoint) -> dict[bytes, bytes]:
    return {name.encode(): str(value).encode() for name, value in checkpoint.fields().items()}


def test_a_checkpoint_is_read_back_as_it_was_written_whatever_the_order_of_its_fields() -> None:
    written = Checkpoint(
        last_id="5-1", entries=7, trimmed=2, missing=3, schema=SCHEMA, config=Bounds().config().decode()
    )
    found = dict(reversed(hash_of(written).items()))
    read = Checkpoint.of_hash(found, KEY)
    assert read == written
    assert read.is_made_with(Bounds())
    assert not read.is_made_with(Bounds(max_entries=3))


def test_absent_fields_have_their_defaults_and_unknown_fields_are_ignored() -> None:
    assert Checkpoint.of_hash({b"entries": b"3", b"of another version": b"x"}, KEY) == Checkpoint(entries=3)
    assert Checkpoint.of_hash({}, KEY) is None


def test_torn_is_read_and_never_written() -> None:
    read = Checkpoint.of_hash({b"torn": b"5-2"}, KEY)
    assert read is not None
    assert read.torn == "5-2"
    assert "torn" not in read.fields()


@pytest.mark.parametrize(
    ("field", "raw", "expected"),
    [
        ("entries", b"many", "a number"),
        ("missing", b"-1", "a number"),
        ("last_id", b"yesterday", "an entry id"),
        ("config", b"\xff", "a text"),
    ],
)
def test_a_value_that_no_projector_writes_is_damage_that_names_key_and_field(
    field: str, raw: bytes, expected: str
) -> None:
    with pytest.raises(Damaged, match=rf"^\{{otters\}}:checkpoint holds .* in field {field}, where {expected}"):
        Checkpoint.of_hash({field.encode(): raw}, KEY)
