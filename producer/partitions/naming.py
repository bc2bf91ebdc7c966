"""What the partitions of a namespace are called, and which of them an action's operations go to.

A partition is a namespace of its own, with a log, a projection and a lease: `otters.00` … `otters.15`.
"""

from zlib import crc32

from producer.wal import namespace_tag

MOST_PARTITIONS = 1000


def partitions_key(namespace: str) -> str:
    """The string that says how many partitions producers record to; absent if `namespace` has no partitions."""
    return f"{namespace_tag(namespace)}:partitions"


def read_partitions_key(namespace: str) -> str:
    """The string that says how many partitions are projected and read: the most that there ever were."""
    return f"{namespace_tag(namespace)}:partitions:read"


def partition_of(namespace: str, number: int) -> str:
    """The namespace that is the partition `number`, from 0."""
    return f"{namespace}.{number:02d}"


def partition_number(name: str, count: int) -> int:
    """Which of `count` partitions has the action or the scanner `name`: by the CRC-32 (ISO-HDLC, as zlib's) of its
    UTF-8. It is stable, so that starts and ends of an action are in one log, and in order, whoever writes them."""
    return crc32(name.encode("utf-8", "replace")) % count
