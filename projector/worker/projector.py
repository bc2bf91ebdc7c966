"""The projector: takes the lease or stands by, runs session after session, and waits while Redis is away."""

import logging
import math
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext, suppress

from producer.connection.client import Client, client_of, is_locked_out, where
from producer.connection.pause import Pause
from producer.text.wording import counted
from producer.wal import DEFAULT_NAMESPACE, HEARTBEAT_SECONDS
from projector.bounds import DEFAULT_LEASE_SECONDS, Bounds
from projector.commit.carrier import COMMIT_SCRIPTS
from projector.commit.link import Link
from projector.connection.reader import Reader
from projector.errors import (
    ConfigMismatch,
    Damaged,
    LossesFound,
    ProjectorError,
    ServerRefused,
    ServerUnavailable,
    Superseded,
)
from projector.keys import REBUILDING, Keys
from projector.retention import Retention
from projector.retention.room import RoomWatch
from projector.worker.batch_size import BatchSize
from projector.worker.lease import ACQUIRE, RELEASE, Lease, acquire, release
from projector.worker.loader import check_config, read_checkpoint
from projector.worker.orphans import ORPHAN, SILENCE
from projector.worker.projection_writer import Observer
from projector.worker.session import INSPECT, Session, Watch
from projector.worker.trimming import TRIM, Trimming

STANDBY_SECONDS = 0.1
"""A standby takes over within this time, once the lease of a projector that crashed has run out."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0


class Projector:
    """Folds `{namespace}:wal` into its projection, exactly once and in order. Of several, one is active.

    `url_or_client` and `password_file` as for `producer.Producer`. `bounds` are part of the projection: a projection
    made with others is refused (ConfigMismatch). The time-out of a client object must exceed a third of `lease_ttl`
    (seconds). The projector presumes a run with heartbeats dead when its producer has been silent for longer than
    `heartbeat_ttl` (seconds), which must not be shorter than the producers'. By `retention` the projector trims the
    log, never beyond the entry `archived_to()`; without it the log grows for ever. While the projector is
    active, `run` is in the context `beside`. `on_connect` gets the client when
    the server first answers. While another has the lease, the projector looks every `look_seconds`, and when it runs
    out. Of the projectors of one process `watch` wakes those that are idle; with one, `stop` is not for signal
    handlers. The `observer` is told of its commits.
    """

    def __init__(
        self,
        url_or_client: str | Client | None = None,
        namespace: str = DEFAULT_NAMESPACE,
        *,
        bounds: Bounds | None = None,
        password_file: str | os.PathLike[str] | None = None,
        lease_ttl: float = DEFAULT_LEASE_SECONDS,
        heartbeat_ttl: float = HEARTBEAT_SECONDS,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        retention: Retention | None = None,
        archived_to: Callable[[], str] = lambda: "",
        beside: AbstractContextManager[object] | None = None,
        on_connect: Callable[[Client], object] = lambda _client: None,
        look_seconds: float = STANDBY_SECONDS,
        watch: Watch | None = None,
        observer: Observer | None = None,
    ) -> None:
        if not 0.1 <= lease_ttl <= 3600:
            raise ValueError(f"lease_ttl: expected 0.1 to 3600 seconds, found {lease_ttl!r}")
        if not 0 < heartbeat_ttl < math.inf:
            raise ValueError(f"heartbeat_ttl: expected more than 0 seconds, found {heartbeat_ttl!r}")
        self._keys = Keys(namespace)
        self._client, self._owned = client_of(url_or_client, namespace, password_file=password_file)
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
        self._projected = 0
        self._trimming = Trimming(retention, archived_to) if retention and retention.trims else None
        self._room = RoomWatch(namespace, monotonic)
        self._beside = beside or nullcontext()
        self._on_connect = on_connect
        self._look_seconds = look_seconds
        self._watch = watch
        self._observer = observer
        self._dozes = True
        self._connected = False  # whether the server has ever answered
        self._trouble = ""
        self._troubled_at = 0.0
        self._holder = ""
        self._released = False  # whether this projector had the lease, and gave it back

    def run(self) -> None:
        """Project until `stop()` is called, from a signal handler or another thread.

        Waits while Redis is away, and while it refuses a password that it took before: passwords are changed here and
        there, but not at one instant. Raises ConfigMismatch, Damaged and ServerRefused, which an operator repairs.
        """
        pause = Pause(_FIRST_PAUSE, _LONGEST_PAUSE, sleep=self._wait)
        try:
            while not self._stopping:
                try:
                    self._serve(until_idle=False)
                    pause.reset()
                except ServerUnavailable as error:
                    self._say_trouble("Redis is away, waiting for it", error)
                except ServerRefused as error:
                    if not (self._connected and is_locked_out(error.__cause__)):
                        raise
                    self._say_trouble("the password was refused, waiting for the right one", error)
                except Superseded as error:
                    if error.holder.startswith(REBUILDING):
                        self._stand_by(error.holder)
                    elif not self._stopping:
                        self._log.warning("starting over from the checkpoint: %s", error)
                pause.wait()
            self._log.info("stopped%s", "; the lease is free" if self._released else "")
        finally:
            if self._owned:
                self._client.close()

    def drain(self) -> int:
        """Take the lease, project all that the log holds, and give it back; the number of entries projected.

        Waits for another projector's lease to end. Raises ServerUnavailable where `run` waits, else what `run` does.
        """
        self._projected = 0
        while not self._stopping:
            try:
                self._serve(until_idle=True)
                break
            except Superseded:
                self._wait(_FIRST_PAUSE)
        return self._projected

    def stop(self) -> None:
        """Ask `run` to end; it commits the batch in hand and gives the lease back."""
        self._stopping = True
        if self._watch is not None:
            self._watch.wake(self._keys.wal)

    @property
    def has_lease(self) -> bool:
        """Whether this projector has taken the lease, and not given it back."""
        return self._lease is not None

    @property
    def away_for(self) -> float:
        """For how many seconds the server has been away, or has refused the password; 0 if it does not."""
        return self._monotonic() - self._troubled_at if self._trouble else 0.0

    @property
    def stands_by(self) -> bool:
        """Whether another has the lease that this projector waits for."""
        return bool(self._holder)

    def __repr__(self) -> str:
        return f"<Projector of namespace {self._keys.namespace} at {where(self._client)}>"

    def _serve(self, *, until_idle: bool) -> None:
        """One session, from the wait for the lease to the session's end or error."""
        link = Link(self._client, self._keys.wal, (ACQUIRE, RELEASE, INSPECT, *COMMIT_SCRIPTS, TRIM, SILENCE, ORPHAN))
        session = None
        try:
            if not self._connected:
                self._connected = True
                self._on_connect(self._client)
            lease = self._acquire(link)
            if lease is None:
                return
            self._lease = lease
            self._size.begin(in_vain=self._in_vain)
            session = Session(
                link,
                self._keys,
                self._bounds,
                lease,
                self._size,
                trimming=self._trimming,
                watch=self._watch,
                dozes=self._dozes,
                room=self._room,
                observer=self._observer,
                heartbeat_ttl=self._heartbeat_ttl,
                monotonic=self._monotonic,
                clock=self._clock,
            )
            session.begin()
            self._say_active(session)
            self._observe(active=True)
            with nullcontext() if until_idle else self._beside:
                while not self._stopping:
                    if not session.step(wait=not until_idle) and until_idle:
                        break
                    if self._observer is not None:
                        self._observer.beat()
                session.finish()
                release(link, self._keys, lease)
                self._lease = None
                self._released = True
        except (ConfigMismatch, Damaged) as error:
            if self._lease is not None:  # else a monitor takes this projector, which ends, for active
                with suppress(ProjectorError), closing(Link(self._client, self._keys.wal, (RELEASE,))) as fresh:
                    release(fresh, self._keys, self._lease)
            if isinstance(error, LossesFound):
                raise self._named(error) from None
            raise
        finally:
            self._observe(active=False)
            if session is not None:
                self._projected += session.projection.committed_entries
                self._in_vain = not session.projection.committed_entries
                self._dozes = session.dozes
                if self._watch is not None:
                    self._watch.wake(self._keys.wal)  # which must not renew the lease any longer
            link.close()

    def _named(self, error: LossesFound) -> LossesFound:
        """The same error with what is lost, as far as the server tells."""
        from projector.losses.examination import examine_losses

        with suppress(ProjectorError):
            losses = examine_losses(Reader(self._client, self._keys.wal), self._keys)
            return LossesFound(f"{error.found}: {losses}", error.namespace)
        return error

    def _acquire(self, link: Link) -> Lease | None:
        """The lease, as soon as it is free; None if `stop` came first."""
        while not self._stopping:
            answer = acquire(link, self._keys, ttl_ms=self._ttl_ms, previous=self._lease)
            if isinstance(answer, Lease):
                return answer
            self._say_back()
            if self._holder != answer.holder:
                check_config(read_checkpoint(link, self._keys), self._bounds, self._keys.namespace)
                self._stand_by(answer.holder)
            has_an_end = answer.remaining_ms >= 0  # else somebody took its TTL away
            self._wait(min(self._look_seconds, answer.remaining_ms / 1000) if has_an_end else self._look_seconds)
        return None

    def _wait(self, seconds: float) -> None:
        # In slices, not on an Event: its lock could be held by the very code that a signal handler interrupts.
        if self._observer is not None:
            self._observer.beat()
        until = self._monotonic() + seconds
        while not self._stopping and (left := until - self._monotonic()) > 0:
            self._sleep(min(left, self._look_seconds))

    def _observe(self, *, active: bool) -> None:
        if self._observer is not None:
            self._observer.beat()
            self._observer.is_active(active)

    def _stand_by(self, holder: str) -> None:
        self._holder = holder
        namespace = self._keys.namespace
        if holder.startswith(REBUILDING):
            self._log.info("a rebuild has taken over namespace %s; standing by until it is done", namespace)
        else:
            self._log.info("standing by in namespace %s: %s is active", namespace, holder)

    def _say_trouble(self, trouble: str, error: ProjectorError) -> None:
        if not self._trouble:
            self._troubled_at = self._monotonic()
        if self._trouble != trouble:
            self._trouble = trouble
            self._log.warning("%s: %s", trouble, error)

    def _say_back(self) -> None:
        if self._trouble:
            self._trouble = ""
            self._log.info("Redis is back at %s", where(self._client))

    def _say_active(self, session: Session) -> None:
        self._say_back()
        self._holder = ""
        checkpoint = session.projection.history.checkpoint
        self._log.info(
            "active in namespace %s, from %s (%s so far)",
            self._keys.namespace,
            f"entry {checkpoint.last_id}" if checkpoint.last_id else "the beginning of the log",
            counted(checkpoint.entries, "entry"),
        )
