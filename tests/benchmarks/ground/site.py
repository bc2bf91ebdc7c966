"""A site: one server for one benchmark, with logs on it to fill, project and measure."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import hiredis
import redis

from producer.wal import wal_key
from projector.keys import Keys
from tests.benchmarks.ground.workload import Fields, Workload
from tests.support.servers import Server

__all__ = ["NAMESPACE", "Site", "site"]

NAMESPACE = "bench"
_SENT_AT_ONCE = 500
_OPTIONS = ("--auto-aof-rewrite-percentage", "0")
"""AOF on and everysec, as in the README; a rewrite in one round and not in the next would be noise."""


class Site:
    """`namespace` is the log that is measured; another can be named where two are compared."""

    def __init__(self, server: Server, client: redis.Redis) -> None:
        self.url = server.url
        self.client = client

    def fill(self, workload: Workload, count: int, *, namespace: str = NAMESPACE) -> None:
        """Append the first `count` entries of `workload` to a log that is begun anew."""
        self.client.delete(wal_key(namespace))
        self.append(workload.entries(count), namespace=namespace)

    def append(self, entries: Iterable[Fields], *, namespace: str = NAMESPACE) -> None:
        """Append to the log, many at a time."""
        key = wal_key(namespace).encode()
        # hiredis's stub means any number of arguments, and says one.
        packed = (hiredis.pack_command((b"XADD", key, b"*", *fields)) for fields in entries)  # type: ignore[arg-type]
        connection: Any = self.client.connection_pool.get_connection()
        try:
            while page := list(islice(packed, _SENT_AT_ONCE)):
                connection.send_packed_command([b"".join(page)])
                for _ in page:
                    connection.read_response()
        finally:
            self.client.connection_pool.release(connection)

    def projection_keys(self, namespace: str = NAMESPACE) -> list[bytes]:
        keys = Keys(namespace)
        return [key for key in self.client.scan_iter(match=keys.pattern, count=1000) if keys.owns(key)]

    def forget_projection(self, namespace: str = NAMESPACE) -> None:
        """Delete all but the log: the next projector begins with its first entry."""
        keys = [*self.projection_keys(namespace), Keys(namespace).lease]
        for at in range(0, len(keys), 1000):
            self.client.delete(*keys[at : at + 1000])

    def memory_of(self, keys: Iterable[bytes]) -> int:
        """Bytes of the keys, whole (not sampled)."""
        pipeline = self.client.pipeline(transaction=False)
        for key in keys:
            pipeline.execute_command("MEMORY USAGE", key, "SAMPLES", 0)
        return sum(size or 0 for size in pipeline.execute())

    def info(self, section: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.info(section)
        return found


@contextmanager
def site() -> Iterator[Site]:
    """A server of its own, on a fresh directory; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        server = Server(Path(directory), *_OPTIONS).start()
        try:
            with server.client() as client:
                yield Site(server, client)
        finally:
            server.kill()
