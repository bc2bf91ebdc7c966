"""Finding namespaces: those that have a log, by SCAN on every master, and the partitions of each.

`call_of(namespace)` gives what sends a command to the node that has `namespace`; on a single server they are all the
same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from redis.crc import key_slot

from producer.log import Call
from producer.partitions.naming import MOST_PARTITIONS, partition_of, partitions_key, read_partitions_key
from producer.wal import namespace_of, wal_key
from projector.connection.reader import scan
from projector.errors import ServerRefused
from projector.namespaces.wanted import Wanted

CallOf = Callable[[str], Call]

_LOGS = b"{*}:[wp]a[lr]*"
"""For SCAN: matches logs, and the strings that tell of partitions, and little else."""
_PARTITIONED = re.compile(rb"\{([A-Za-z0-9_.-]{1,64})\}:partitions")


def find(wanted: Wanted, call_of: CallOf) -> list[str]:
    """The namespaces that are wanted, sorted: each name, with a log or without, and what a glob takes of those that
    have a log; of a name or namespace with partitions each partition, and itself if it has a log, too.

    Raises ServerUnavailable; ServerRefused without the right to SCAN or GET.
    """
    found = set()
    names = dict.fromkeys(wanted.names)
    if wanted.globs:
        logs, partitioned = _scanned(call_of)
        found |= {name for name in logs if wanted.matches(name)}
        names |= dict.fromkeys(name for name in partitioned if wanted.matches(name))
    for name in names:
        found.update(partitions_of(name, call_of(name)))
    return sorted(found)


def partitions_of(name: str, call: Call) -> list[str]:
    """What is meant by the one `name`: its partitions, and itself if it has a log; itself if it has no partitions."""
    counts = call("GET", partitions_key(name).encode()), call("GET", read_partitions_key(name).encode())
    count = max((int(text) for text in counts if text and len(text) < 5 and text.isdigit()), default=0)
    partitions = [partition_of(name, number) for number in range(min(count, MOST_PARTITIONS))]
    return [name, *partitions] if not partitions or call("EXISTS", wal_key(name).encode()) else partitions


def _scanned(call_of: CallOf) -> tuple[set[str], set[str]]:
    """The namespaces that have a log, and those that have partitions."""
    logs, partitioned = set(), set()
    for call in each_master(call_of):
        for key in scan(call, _LOGS):
            if (name := namespace_of(key)) is not None:
                logs.add(name)
            elif has_partitions := _PARTITIONED.fullmatch(key):
                partitioned.add(has_partitions[1].decode())
    return logs, partitioned


def each_master(call_of: CallOf) -> Iterator[Call]:
    """What sends a command to each master of the cluster; to the server, if it is a single one."""
    anywhere = call_of("0")
    try:
        slots = anywhere("CLUSTER SLOTS")
    except ServerRefused:  # it is no cluster, or this account may not ask
        yield anywhere
        return
    masters: dict[tuple[bytes, int], range] = {}
    for first, last, master, *_ in slots:
        masters.setdefault((master[0], master[1]), range(first, last + 1))
    for having in masters.values():
        yield call_of(_name_in(having))


def _name_in(slots: range) -> str:
    """A name whose keys are in one of these slots: where it is looked for, there is their master."""
    number = 0
    while key_slot(b"%d" % number) not in slots:
        number += 1
    return str(number)
