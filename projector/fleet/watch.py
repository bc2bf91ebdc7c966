"""The watch over the idle namespaces of a server: one connection waits for entries of all, and renews all leases.

A hundred sessions that doze by themselves take a worker one to two hundredths of a core, mostly for waking up; the
watch wakes up once for all of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from redis.exceptions import ClusterCrossSlotError, NoPermissionError, ReadOnlyError, RedisError, ResponseError

from producer.connection.client import client_of
from producer.connection.nodes import SlotMoved
from producer.connection.wire import Wire, pairs_of
from projector.worker.session import Asleep

_ROUND = 0.32
"""How long a round lasts, as a part of the leases' TTL: below a third, as for a session of its own."""
_LONGEST_ROUND_SECONDS = 1.6
_ROUNDS_A_LOOK = 4
"""Of so many rounds one looks whether logs have another length."""
_PAUSE_SECONDS = 1.0


class Watch:
    """Watches over sessions whose leases last for `lease_ttl` seconds at `url`.

    A cluster has no command that waits for the streams of several slots, and an account may lack XREAD: then the
    watch takes no session, and each dozes by itself.
    """

    def __init__(self, url: str, lease_ttl: float) -> None:
        self._client, _ = client_of(url)
        self._wire = Wire(self._client, b"")
        self._seconds = min(_LONGEST_ROUND_SECONDS, _ROUND * lease_ttl)
        self._asleep: dict[bytes, Asleep] = {}
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._serves = True
        self._round = 0
        self._renewed_at = 0.0

    def wait(self, asleep: Asleep, seconds: float) -> bool:
        """Wait for what would wake `asleep` up, for so many seconds at most; False, at once, if it is in no round."""
        with self._change:
            if not self._serves:
                return False
            self._asleep[asleep.log] = asleep
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
                self._thread.start()
            self._change.notify()
            if not asleep.is_watched:
                return False
        asleep.woken.wait(seconds)
        self.wake(asleep.log)
        return True

    def wake(self, log: bytes) -> None:
        """Wake the session of `log` up, if it sleeps."""
        with self._change:
            asleep = self._asleep.pop(log, None)
        if asleep is not None:
            asleep.woken.set()

    def _run(self) -> None:
        while self._serves:
            with self._change:
                while not self._asleep:
                    self._change.wait()
                watched = list(self._asleep.values())
                for asleep in watched:
                    asleep.is_watched = True
            try:
                self._watch(watched)
            except SlotMoved:
                self._serves = False
            except RedisError:
                self._wake_all(watched)  # each learns by its own connection what is the matter
                time.sleep(_PAUSE_SECONDS)
        self._wake_all(list(self._asleep.values()))

    def _watch(self, watched: Sequence[Asleep]) -> None:
        """One round: wait for an entry until the leases are to be renewed, and renew them if it is time."""
        left = max(0.001, self._renewed_at + self._seconds - time.monotonic())
        logs, ids = [asleep.log for asleep in watched], [asleep.last_id or "0-0" for asleep in watched]
        (read,) = self._wire.ask([("XREAD", "COUNT", 1, "BLOCK", int(left * 1000) + 1, "STREAMS", *logs, *ids)])
        if isinstance(read, ResponseError):
            lasting = isinstance(read, NoPermissionError | ClusterCrossSlotError) or "unknown" in str(read)
            self._serves = not lasting
            self._wire.close()  # after another error its node may be a master no more
            raise read
        for log in pairs_of(read) if read else ():
            self.wake(log)
        if time.monotonic() < self._renewed_at + self._seconds:
            return
        self._renewed_at = time.monotonic()
        self._round += 1
        commands: list[tuple[Any, ...]] = [("GETEX", one.lease, "PX", one.ttl_ms) for one in watched]
        looks = self._round % _ROUNDS_A_LOOK == 0
        if looks:
            commands += [("XLEN", asleep.log) for asleep in watched]
        replies = self._wire.ask(commands)
        if any(isinstance(reply, ReadOnlyError) for reply in replies):
            self._wire.close()
        for asleep, holder in zip(watched, replies, strict=False):
            if holder != asleep.token:
                self.wake(asleep.log)
        for asleep, length in zip(watched, replies[len(watched) :], strict=looks):
            if length != asleep.length:
                asleep.log_has_changed = True
                self.wake(asleep.log)

    def _wake_all(self, watched: Sequence[Asleep]) -> None:
        for asleep in watched:
            self.wake(asleep.log)
