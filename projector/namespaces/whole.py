"""Which namespace a partition belongs to, and its number, by its name."""

import re

_PARTITION = re.compile(r"(.+)\.([0-9]{2}|[1-9][0-9]{2})\Z")


def whole_of(name: str) -> str | None:
    """The namespace of which `name` is a partition, if that one has partitions; None if `name` can be none."""
    found = _PARTITION.match(name)
    return found[1] if found else None


def number_of(name: str) -> int:
    """The number of the partition `name`."""
    return int(name.rpartition(".")[2])
