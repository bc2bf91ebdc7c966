"""Which partition has an action: pinned, because producers in other languages have to agree, and for ever."""

from __future__ import annotations

import pytest

from producer import Producer, UnusableServer
from producer.partitions.naming import partition_number, partition_of


@pytest.mark.parametrize(
    ("name", "of_16", "of_1000"),
    [("backup", 12, 924), ("notify", 8, 928), ("stale-locks", 15, 663), ("größe", 9, 153), ("a", 3, 907)],
)
def test_the_hash_of_a_name_is_what_it_has_always_been(name: str, of_16: int, of_1000: int) -> None:
    assert (partition_number(name, 16), partition_number(name, 1000)) == (of_16, of_1000)


def test_it_is_the_crc_32_of_the_textbooks() -> None:
    assert partition_number("123456789", 1 << 32) == 0xCBF43926


def test_a_partition_has_a_number_of_two_digits_at_least() -> None:
    assert [partition_of("otters", number) for number in (0, 15, 999)] == ["otters.00", "otters.15", "otters.999"]


@pytest.mark.parametrize("count", [0, -1, 1001, 2.0, "16", True])
def test_a_number_of_partitions_is_from_1_to_1000(count: object) -> None:
    with pytest.raises(ValueError, match="partitions: expected a number from 1 to 1000, found"):
        Producer("redis://localhost:1", partitions=count)  # type: ignore[arg-type]


def test_a_namespace_leaves_room_for_the_number() -> None:
    Producer("redis://localhost:1", "n" * 61, partitions=16).close()
    with pytest.raises(UnusableServer, match="expected 1 to 64 characters"):
        Producer("redis://localhost:1", "n" * 62, partitions=16)
