"""For tests of engines (`pytest_plugin` has the fixture): a log on fakeredis, which a test projects by a call."""

import sys
from functools import partial
from typing import Any

import fakeredis

from producer import Producer
from producer.connection.wire import send_once
from producer.log import Log
from producer.wal import DEFAULT_NAMESPACE
from projector.bounds import Bounds
from projector.fold.entry import read_entry
from projector.fold.fold import fold
from projector.fold.history import History
from projector.fold.rendering import Kind, render
from projector.keys import Keys
from projector.query import Query


class InMemoryWal:
    """A log and its projection, in memory.

    `producer`, or a Producer that the engine makes of `client`, records; `project()` brings the projection up to
    date; `query` reads it. It has no lease, no fenced commit and no run presumed dead: these are the worker's, which
    needs commands that fakeredis lacks.
    """

    def __init__(self, namespace: str = DEFAULT_NAMESPACE, *, bounds: Bounds | None = None) -> None:
        self.namespace = namespace
        self.client: fakeredis.FakeRedis = fakeredis.FakeRedis(server=fakeredis.FakeServer())
        self.producer = Producer(self.client, namespace)
        self.query = Query(self.client, namespace)
        self._keys = Keys(namespace)
        self._bounds = bounds or Bounds()
        self._log = Log(partial(send_once, self.client), namespace)

    def project(self) -> int:
        """Fold the whole log and replace the projection; returns the number of entries."""
        history = History(self._bounds)
        for entry_id, fields in self._log.after("", sys.maxsize):
            fold(history, read_entry(entry_id, fields))
        with self.client.pipeline(transaction=True) as pipeline:
            for key in self.client.scan_iter(match=self._keys.pattern):
                if self._keys.owns(key):
                    pipeline.delete(key)
            for key, kind, content in render(history, self._keys):
                _write(pipeline, key, kind, content)
            pipeline.execute()
        return history.checkpoint.entries

    def close(self) -> None:
        """Close the producer and the client."""
        self.producer.close()
        self.client.close()


def _write(pipeline: Any, key: bytes, kind: Kind, content: Any) -> None:
    match kind:
        case "list":
            pipeline.rpush(key, *content)
        case "hash":
            pipeline.hset(key, mapping=content)
        case "zset":
            pipeline.zadd(key, content)
        case "stream":
            for entry_id, fields in content:
                pipeline.execute_command("XADD", key, entry_id, *fields)
