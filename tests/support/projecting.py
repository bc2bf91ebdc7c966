"""Projectors at work in a test: in a thread, step by step by hand, and what they have to arrive at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from projector.bounds import Bounds
from projector.commit.carrier import COMMIT_SCRIPTS
from projector.commit.link import Link
from projector.keys import Keys
from projector.retention import Retention
from projector.worker.batch_size import BatchSize
from projector.worker.lease import ACQUIRE, RELEASE, Lease, acquire, release
from projector.worker.projector import Projector
from projector.worker.session import INSPECT, Session
from projector.worker.trimming import TRIM, Trimming
from tests.support.projection import Log


class Hand:
    """A session driven step by step, as a projector drives it."""

    def __init__(self, log: Log, *, ttl_ms: int = 60_000) -> None:
        self.keys = Keys(log.namespace)
        self._link = Link(log.client, self.keys.wal, (ACQUIRE, RELEASE, INSPECT, *COMMIT_SCRIPTS, TRIM))
        lease = acquire(self._link, self.keys, ttl_ms=ttl_ms, previous=None)
        assert isinstance(lease, Lease)
        self.lease = lease
        self.session = Session(self._link, self.keys, log.bounds or Bounds(), lease, BatchSize())
        self.session.begin()

    def step(self) -> bool:
        done = self.session.step(wait=False)
        self.session.finish()
        return done

    def trim(self, retention: Retention, archived_to: str = "") -> None:
        self.trim_by(Trimming(retention, lambda: archived_to))

    def trim_by(self, trimming: Trimming) -> None:
        trimming.trim(self._link, self.keys, self.lease, self.session.projection)

    def read_ahead(self) -> None:
        """Fold nothing yet: have a batch read, as if the process were stopped right after."""
        self.session._request_batch(block=False)
        self._link.settle()

    def close(self) -> None:
        self._link.close()

    def release(self) -> None:
        release(self._link, self.keys, self.lease)


@contextmanager
def running(projector: Projector) -> Iterator[None]:
    thread = Thread(target=projector.run)
    thread.start()
    try:
        yield
    finally:
        projector.stop()
        thread.join(30)
        assert not thread.is_alive()


def assert_right_in_the_end(log: Log) -> None:
    """A new projector brings the projection to what a fold of the whole log gives."""
    log.client.delete(log.key("lease"))
    log.drain()
    projection = log.projection()
    assert projection == log.replayed()
    assert log.entries() == log.client.xlen(log.key("wal"))
