"""The archiver's process, seen from the projector: started, listened to, and ended with it."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
from contextlib import suppress

from msgspec import Struct
from msgspec.json import decode, encode

from producer.connection.pause import Pause

_ORDERLY_SECONDS = 10.0
"""For so long the end of a projector waits until the rest is archived."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0

_log = logging.getLogger("projector")


class Order(Struct, frozen=True, kw_only=True):
    """What the process is to archive: the first line that it reads. Its arguments would show a password to all."""

    url: str
    namespace: str
    where: str
    sign_key: str | None = None
    seal_after: float


class News(Struct, frozen=True, kw_only=True):
    """What the process tells, a line each: how far the archive is, and what keeps it from going on."""

    archived_to: str = ""
    trouble: str = ""


class Companion:
    """Has a process archive while the block runs. At the end of a block without an error it archives the rest first.

    The process dies with this one, however that ends. May be entered again.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._news = News()
        self._ending = threading.Event()
        self._starting = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def archived_to(self) -> str:
        """The last entry that is in the archive for sure; empty while that is not known."""
        return self._news.archived_to

    def __enter__(self) -> Companion:
        self._ending.clear()
        self._thread = threading.Thread(target=self._supervise, name="archiver", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        with self._starting:
            self._ending.set()
            process = self._process
        if process and process.stdin:
            with suppress(OSError, ValueError):  # it has ended; ValueError: and its pipes are closed
                if kind is None:
                    process.stdin.write(b"stop\n")
                    process.stdin.flush()
                    self._thread.join(_ORDERLY_SECONDS)
                process.stdin.close()  # which ends it at once
            self._thread.join(1)
            process.kill()
        self._thread.join(1)
        self._news = News(trouble=self._news.trouble)  # the next log may lack what this one had: after a failover

    def _supervise(self) -> None:
        # The process inherits this: a terminal and systemd signal it, too, and it has to end behind the projector.
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
        pause = Pause(_FIRST_PAUSE, _LONGEST_PAUSE, sleep=self._ending.wait)
        while not self._ending.is_set():
            with self._starting:
                if self._ending.is_set():
                    return
                command = [sys.executable, "-m", "projector.archiving"]
                self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            with suppress(BrokenPipeError), self._process:
                self._listen()
            if not self._ending.is_set():
                self._hear(News(trouble=f"its process ended with status {self._process.returncode}"))
                pause.wait()

    def _listen(self) -> None:
        assert self._process
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(encode(self._order) + b"\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            self._hear(decode(line, type=News))

    def _hear(self, news: News) -> None:
        before, self._news = self._news, news
        if news.trouble and not before.trouble:
            _log.warning("archiving has stopped, and nothing more can be trimmed until it goes on: %s", news.trouble)
        elif before.trouble and not news.trouble:
            _log.info("archiving goes on, from entry %s", news.archived_to or "the first")
