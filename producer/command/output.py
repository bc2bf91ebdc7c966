"""A child's output: passed on byte for byte as it comes, and its end kept."""

import errno
import os
import select
import threading
import time
from collections.abc import Callable

from producer.text.redaction import CONTEXT_BYTES, Redact, redacted_end

GRACE_SECONDS = 0.5
"""How long to wait for output after a child's end, if a process that it left behind holds the pipe open."""

_CHUNK = 1 << 16
_LARGEST_PIPE = 1 << 20
"""The most that a pipe holds on Linux, unless root allows more; 64 KiB on other systems."""
_STDOUT, _STDERR = 1, 2


class Tail:
    """Keeps the last `limit` bytes of all that was appended, and their number. Safe under threads."""

    def __init__(self, limit: int, *, redact: Redact | None = None) -> None:
        self._limit = limit
        self._redact = redact
        self._held = limit if redact is None else limit + CONTEXT_BYTES
        self._kept = bytearray()
        self._seen = 0
        self._lock = threading.Lock()

    def append(self, chunk: bytes) -> None:
        """Add `chunk`; drop the oldest bytes if twice as many are held as `text` needs."""
        with self._lock:
            self._seen += len(chunk)
            self._kept += chunk
            if len(self._kept) > 2 * self._held:
                del self._kept[: -self._held]

    def text(self) -> str:
        """The last bytes as text, redacted, of at most `limit` bytes; the text says how much was cut."""
        with self._lock:
            kept = bytes(self._kept[-self._held :])
            cut = self._seen - len(kept)
        return redacted_end(kept, self._limit, self._redact, already_cut=cut)


class Output:
    """The pipes from a child to us, with a pump on each. With `keep=None` the child has our descriptors instead.

    In order: the child is spawned with `file_actions`, `child_has_it`, the child ends, `finish`, `text`.
    """

    def __init__(self, *, keep: int | None, redact: Redact | None = None) -> None:
        self._tail = None if keep is None else Tail(keep, redact=redact)
        self._writers: dict[int, int] = {}
        self._pumps: list[_Pump] = []
        if self._tail is None:
            return
        self._connect(_STDOUT, self._tail)
        if os.path.samestat(os.fstat(_STDOUT), os.fstat(_STDERR)):
            # Both lead to the same place (a terminal, `2>&1`): through one pipe their lines keep their order.
            self._writers[_STDERR] = self._writers[_STDOUT]
        else:
            self._connect(_STDERR, self._tail)

    def _connect(self, target: int, tail: Tail) -> None:
        source, self._writers[target] = os.pipe()
        self._pumps.append(_Pump(source, target, tail))

    def file_actions(self) -> list[tuple[int, int, int]]:
        """The `file_actions` by which posix_spawn connects the child to the pipes."""
        return [(os.POSIX_SPAWN_DUP2, writer, target) for target, writer in self._writers.items()]

    def child_has_it(self) -> None:
        """Call it after spawning: closes our copies of the child's ends, because a pipe ends when all are closed."""
        for writer in set(self._writers.values()):
            os.close(writer)
        for pump in self._pumps:
            pump.start()

    def finish(self, *, hurry: Callable[[], bool]) -> None:
        """Call it after the child's end: passes on the rest of its output, unless `hurry()` says to stop.

        It takes as long as our reader does (`| less`).
        """
        for pump in self._pumps:
            pump.child_ended()
        for pump in self._pumps:
            while pump.is_alive() and not hurry():
                pump.join(0.05)

    def text(self) -> str | None:
        """The end of stdout and stderr together; None if nothing was written or kept."""
        return None if self._tail is None else self._tail.text() or None

    def trouble(self) -> str | None:
        """Why output could not be passed on; None if it could, or if its reader had gone."""
        return next((pump.trouble for pump in self._pumps if pump.trouble), None)


class _Pump(threading.Thread):
    """Passes a pipe on to a descriptor. A thread, so that its slow reader does not hold up the other pipe."""

    def __init__(self, source: int, target: int, tail: Tail) -> None:
        super().__init__(daemon=True)  # a pump that is stuck must not keep us from exiting
        self._source = source
        self._target = target
        self._tail = tail
        self._ended, self._say_ended = os.pipe()
        self.trouble: str | None = None

    def child_ended(self) -> None:
        """Tell the pump that the child has ended, though other processes may hold the pipe."""
        os.close(self._say_ended)

    def run(self) -> None:
        try:
            self._pass_all_on()
        except OSError as error:
            if error.errno != errno.EPIPE:
                self.trouble = error.strerror
        finally:
            # If our reader has gone, the child's next write now gets SIGPIPE, as it would have without us.
            os.close(self._source)
            os.close(self._ended)

    def _pass_all_on(self) -> None:
        poll = select.poll()
        poll.register(self._source, select.POLLIN)
        poll.register(self._ended, select.POLLIN)
        while self._ended not in dict(poll.poll()):
            if not self._pass_on():
                return
        poll.unregister(self._ended)
        deadline = time.monotonic() + GRACE_SECONDS
        while (left := deadline - time.monotonic()) > 0 and poll.poll(left * 1000):
            if not self._pass_on():
                return
        # Our reader was slow, or a process writes on. The child's last words may be in the pipe now: read it at once.
        if poll.poll(0):
            self._pass_on(_LARGEST_PIPE)

    def _pass_on(self, most: int = _CHUNK) -> bool:
        """Pass on what is in the pipe. Returns False at its end."""
        chunk = os.read(self._source, most)
        self._tail.append(chunk)
        rest = memoryview(chunk)
        while rest:
            try:
                rest = rest[os.write(self._target, rest) :]
            except BlockingIOError:  # somebody who shares the descriptor made it non-blocking
                select.select([], [self._target], [])
        return bool(chunk)
