"""The decision how many partitions a namespace has. It is no entry of a log: no fold depends on it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from hashlib import sha1
from importlib.resources import files

from producer.connection.client import Client, client_of, using_client
from producer.errors import UnusableServer
from producer.log import Call
from producer.partitions.naming import MOST_PARTITIONS, partition_of, partitions_key, read_partitions_key
from producer.wal import namespace_tag, wal_key
from projector.commit.link import Link
from projector.connection.reader import Reader
from projector.errors import InvalidQuery, ProjectorError, command_for
from projector.keys import Keys
from projector.namespaces.finding import partitions_of
from projector.namespaces.whole import whole_of

_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Repartitioned:
    """Producers record to `number` partitions of `namespace`, before to `before` (0: it had none); `read` are
    projected and read. `own_log`: its own log is read, too. `in_flight`: how many runs have no end, by the namespaces
    that have such."""

    namespace: str
    before: int
    number: int
    read: int
    own_log: bool
    in_flight: dict[str, int]

    @property
    def changed(self) -> bool:
        return self.before != self.number


def repartition(url_or_client: str | Client | None, namespace: str, number: int) -> Repartitioned:
    """Write down that `namespace` has `number` partitions. All that there ever were, and its own log, are projected
    and read on.

    `url_or_client` as for `Query`. Raises InvalidQuery for a bad number, UnusableServer for a name that is too long,
    ProjectorError for a partition, ServerUnavailable, ServerRefused, and Damaged for a key of another type.
    """
    if not 1 <= number <= MOST_PARTITIONS:
        raise InvalidQuery("number", f"1 to {MOST_PARTITIONS}", number)
    _check_name(namespace, number)
    with ExitStack() as stack:

        def calls(name: str) -> Call:
            client, owned = client_of(url_or_client, name)
            if owned:
                stack.callback(client.close)
            return Reader(client, wal_key(name).encode()).call

        _check_is_no_partition(namespace, calls)
        with using_client(url_or_client, namespace) as client:
            before, _, read = _write(client, namespace, number)
        names = partitions_of(namespace, calls(namespace))
        in_flight = {name: runs for name in names if (runs := calls(name)("HLEN", Keys(name).in_flight))}
    return Repartitioned(namespace, before, number, read, namespace in names, in_flight)


def _write(client: Client, namespace: str, number: int) -> list[int]:
    script = files("projector.decisions").joinpath("repartition.lua").read_bytes()
    digest = sha1(script, usedforsecurity=False).hexdigest()
    tag = namespace_tag(namespace)
    keys = (partitions_key(namespace), read_partitions_key(namespace), f"{tag}:absent")
    with closing(Link(client, wal_key(namespace).encode(), ())) as link:
        told = ("EVALSHA", digest, len(keys), *keys, number, MOST_PARTITIONS)
        _, reply = link.call_all([("SCRIPT", "LOAD", script), told])
    return [int(each) for each in reply]


def _check_name(namespace: str, number: int) -> None:
    namespace_tag(namespace)  # raises for a bad name
    last = partition_of(namespace, number - 1)
    if len(last) > _LONGEST_NAME:
        most = _LONGEST_NAME - (len(last) - len(namespace))
        raise UnusableServer(
            f"namespace: expected at most {most} characters, because the last of {number} partitions would be "
            f"{last}, and no name has more than {_LONGEST_NAME}; found {len(namespace)}"
        )


def _check_is_no_partition(namespace: str, calls: Callable[[str], Call]) -> None:
    whole = whole_of(namespace)
    if whole and calls(whole)("EXISTS", partitions_key(whole).encode()):
        raise ProjectorError(
            f"{namespace} is a partition of {whole}, and has none itself; the number of those is written by: "
            f"{command_for(whole, 'repartition N')}"
        )
