"""The projector: takes the lease or stands by, runs session after session, and waits while Redis is away."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable

from producer.connection.client import Client, client_of, where
from producer.pause import Pause
from producer.wal import DEFAULT_NAMESPACE, HEARTBEAT_SECONDS
from projector.bounds import DEFAULT_LEASE_SECONDS, Bounds
from projector.errors import ServerUnavailable, Superseded
from projector.keys import Keys
from projector.worker.batch_size import BatchSize
from projector.worker.lease import ACQUIRE, RELEASE, Lease, acquire, release
from projector.worker.link import Link
from projector.worker.loader import check_config, read_checkpoint
from projector.worker.orphans import ORPHAN, SILENCE
from projector.worker.projection_writer import COMMIT
from projector.worker.session import INSPECT, Session

"""After a crash a standby takes over within this time."""
_STANDBY_SECONDS = 0.1
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0


class Projector:
    """Folds `{namespace}:wal` into its projection, exactly once and in order. Of several, one is active.

    `url_or_client` as for `producer.Producer`. `bounds` are part of the projection: a projection made with others is
    refused (ConfigMismatch). The time-out of a client object must exceed a quarter of `lease_ttl` (seconds). The
    projector presumes a run with heartbeats dead when its producer has been silent for longer than `heartbeat_ttl`
    (seconds), which must not be shorter than the producers'.
    """

    def __init__(
        self,
        url_or_client: str | Client | None = None,
        namespace: str = DEFAULT_NAMESPACE,
        *,
        bounds: Bounds | None = None,
        lease_ttl: float = DEFAULT_LEASE_SECONDS,
        heartbeat_ttl: float = HEARTBEAT_SECONDS,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not 0.1 <= lease_ttl <= 3600:
            raise ValueError(f"lease_ttl: expected 0.1 to 3600 seconds, found {lease_ttl!r}")
        if not 0 < heartbeat_ttl < math.inf:
            raise ValueError(f"heartbeat_ttl: expected more than 0 seconds, found {heartbeat_ttl!r}")
        self._keys = Keys(namespace)
        self._client, self._owned = client_of(url_or_client)
        self._bounds = bounds or Bounds()
        self._ttl_ms = int(lease_ttl * 1000)
        self._heartbeat_ttl = heartbeat_ttl
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._stopping = False
        self._lease: Lease | None = None
        self._log = logging.getLogger("projector")
        self._size = BatchSize()
        self._in_vain = False  # whether the session before committed nothing
        self._away = False
        self._holder = ""

    def run(self) -> None:
        """Project until `stop()` is called, from a signal handler or another thread.

        Waits while Redis is away. Raises ConfigMismatch, Damaged and ServerRefused, which an operator repairs.
        """
        pause = Pause(_FIRST_PAUSE, _LONGEST_PAUSE, sleep=self._wait)
        try:
            while not self._stopping:
                try:
                    progress = self._serve(until_idle=False)
                except ServerUnavailable as error:
                    self._say_away(error)
                    progress = False
                except Superseded as error:
                    if not self._stopping:
                        self._log.warning("starting over from the checkpoint: %s", error)
                    progress = False
                if progress:
                    pause.reset()
                pause.wait()
            self._log.info("stopped%s", "" if self._lease else "; the lease is free")
        finally:
            self._close()

    def drain(self) -> int:
        """Take the lease, project all that the log holds, and give it back; the number of entries projected.

        Waits for another projector's lease to end. Raises ServerUnavailable where `run` waits, else what `run` does.
        """
        before = self._projected = 0
        while not self._stopping:
            try:
                self._serve(until_idle=True)
                break
            except Superseded:
                self._wait(_FIRST_PAUSE)
        return self._projected - before

    def stop(self) -> None:
        """Ask `run` to end; it commits the batch in hand and gives the lease back."""
        self._stopping = True

    # -- one session, from the wait for the lease to its end --

    _projected = 0

    def _serve(self, *, until_idle: bool) -> bool:
        """One session, under one lease; whether it went well. Its error is raised."""
        link = Link(self._client, self._keys.wal, (ACQUIRE, RELEASE, INSPECT, COMMIT, SILENCE, ORPHAN))
        session = None
        try:
            lease = self._acquire(link)
            if lease is None:
                return True
            self._lease = lease
            self._size.begin(in_vain=self._in_vain)
            self._in_vain = True
            session = Session(
                link,
                self._keys,
                self._bounds,
                lease,
                self._size,
                heartbeat_ttl=self._heartbeat_ttl,
                monotonic=self._monotonic,
                clock=self._clock,
            )
            session.begin()
            self._say_active(session)
            while not self._stopping:
                if not session.step(wait=not until_idle) and until_idle:
                    break
            session.finish()
            release(link, self._keys, lease)
            self._lease = None
            return True
        finally:
            if session is not None:
                self._projected += session.projection.committed_entries
                self._in_vain = not session.projection.committed_entries
            link.close()

    def _acquire(self, link: Link) -> Lease | None:
        """The lease, as soon as it is free; None if `stop` came first."""
        while not self._stopping:
            answer = acquire(link, self._keys, ttl_ms=self._ttl_ms, previous=self._lease)
            if isinstance(answer, Lease):
                return answer
            if self._holder != answer.holder:
                self._holder = answer.holder
                check_config(read_checkpoint(link, self._keys), self._bounds, self._keys.namespace)
                self._say_back()
                self._log.info("standing by in namespace %s: %s is active", self._keys.namespace, answer.holder)
            self._wait(min(_STANDBY_SECONDS, answer.remaining_ms / 1000))
        return None

    def _wait(self, seconds: float) -> None:
        # In slices, not on an Event: its lock could be held by the very code that a signal handler interrupts.
        until = self._monotonic() + seconds
        while not self._stopping and (left := until - self._monotonic()) > 0:
            self._sleep(min(left, 0.1))

    def _close(self) -> None:
        if self._owned:
            self._client.close()

    # -- what an operator reads --

    def _say_away(self, error: ServerUnavailable) -> None:
        if not self._away:
            self._away = True
            self._log.warning("Redis is away, waiting for it: %s", error)

    def _say_back(self) -> None:
        if self._away:
            self._away = False
            self._log.info("Redis is back at %s", where(self._client))

    def _say_active(self, session: Session) -> None:
        self._say_back()
        self._holder = ""
        checkpoint = session.projection.history.checkpoint
        self._log.info(
            "active in namespace %s, from %s (%d entries so far)",
            self._keys.namespace,
            f"entry {checkpoint.last_id}" if checkpoint.last_id else "the beginning of the log",
            checkpoint.entries,
        )
