"""A child's output: passed on byte for byte as it comes, its tail kept."""

from __future__ import annotations

import array
import errno
import fcntl
import os
import select
import termios
import threading
import time
from collections.abc import Callable

from producer.text.redaction import CONTEXT_BYTES, Redact, redacted_end
from producer.text.truncation import text_of, truncate

__all__ = ["GRACE_SECONDS", "Output", "Tail"]

GRACE_SECONDS = 0.5
"""How long after a child's end its output is waited for, where something that it left behind holds the pipe."""

_CHUNK = 1 << 16
_STDOUT, _STDERR = 1, 2


class Tail:
    """The last `limit` bytes of what was appended, redacted, and how much there was. Safe under threads."""

    def __init__(self, limit: int, *, redact: Redact | None = None) -> None:
        self._limit = limit
        self._redact = redact
        self._held = limit if redact is None else limit + CONTEXT_BYTES
        self._kept = bytearray()
        self._seen = 0
        self._lock = threading.Lock()

    def append(self, chunk: bytes) -> None:
        """Take more in; what is held stays below twice what is needed, and one chunk."""
        with self._lock:
            self._seen += len(chunk)
            self._kept += chunk
            if len(self._kept) > 2 * self._held:
                del self._kept[: -self._held]

    def text(self) -> str:
        """The tail as text of at most `limit` bytes, which says how much was cut."""
        with self._lock:
            kept = bytes(self._kept[-self._held :])
        cut = self._seen - len(kept)
        if self._redact is None:
            return truncate(text_of(kept), self._limit, already_cut=cut)
        return redacted_end(kept, self._limit, self._redact, cut_before=cut)


class Output:
    """The pipes from a child to us, with a pump on each. With `keep=None` there are none: it has our descriptors.

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
        """What posix_spawn has to do for the child to write into the pipes."""
        return [(os.POSIX_SPAWN_DUP2, writer, target) for target, writer in self._writers.items()]

    def child_has_it(self) -> None:
        """The child was spawned, or could not be: close our copies of its ends, without which a pipe has no end."""
        for writer in set(self._writers.values()):
            os.close(writer)
        for pump in self._pumps:
            pump.start()

    def finish(self, *, hurry: Callable[[], bool]) -> None:
        """The child is gone: pass on what it left in the pipes, unless `hurry()`.

        A reader of ours who is slow (`| less`) can make this long; in a pipeline it does.
        """
        for pump in self._pumps:
            pump.child_ended()
        for pump in self._pumps:
            while pump.is_alive() and not hurry():
                pump.join(0.05)

    def text(self) -> str | None:
        """The tail of stdout and stderr together; None where nothing was written or kept."""
        return None if self._tail is None else self._tail.text() or None

    def trouble(self) -> str | None:
        """Why output could not be passed on, unless it was that its reader had gone."""
        return next((pump.trouble for pump in self._pumps if pump.trouble), None)


class _Pump(threading.Thread):
    """Passes on one pipe to one descriptor. A thread each: a slow reader of one must not hold up the other."""

    def __init__(self, source: int, target: int, tail: Tail) -> None:
        super().__init__(daemon=True)  # one that is stuck must not keep us from exiting
        self._source = source
        self._target = target
        self._tail = tail
        self._ended, self._say_ended = os.pipe()
        self.trouble: str | None = None

    def child_ended(self) -> None:
        """The child is gone, though others may still hold the pipe."""
        os.close(self._say_ended)

    def run(self) -> None:
        try:
            self._pass_all_on()
        except OSError as error:
            if error.errno != errno.EPIPE:
                self.trouble = error.strerror
        finally:
            # If our reader is gone: the child's next write gets SIGPIPE, as it would have without us.
            os.close(self._source)
            os.close(self._ended)

    def _pass_all_on(self) -> None:
        poll = select.poll()
        poll.register(self._source, select.POLLIN)
        poll.register(self._ended, select.POLLIN)
        while self._ended not in dict(poll.poll()):
            if not self._pass_on(_CHUNK):
                return
        poll.unregister(self._ended)
        deadline = time.monotonic() + GRACE_SECONDS
        while (left := deadline - time.monotonic()) > 0 and poll.poll(left * 1000):
            if not self._pass_on(_CHUNK):
                return
        # Our reader was slow, or somebody writes without end. What is in the pipe now may be the child's last words.
        waiting = _readable_bytes(self._source)
        while waiting > 0:
            waiting -= self._pass_on(min(waiting, _CHUNK))

    def _pass_on(self, most: int) -> int:
        chunk = os.read(self._source, most)
        self._tail.append(chunk)
        _write_all(self._target, chunk)
        return len(chunk)


def _readable_bytes(descriptor: int) -> int:
    count = array.array("i", [0])
    fcntl.ioctl(descriptor, termios.FIONREAD, count)
    return count[0]


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:  # somebody who shares the descriptor made it non-blocking
            select.select([], [descriptor], [])
