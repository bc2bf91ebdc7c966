"""A warm interpreter: has loaded both programs, and forks for each command that a test runs to its end.

A command starts in a tenth of the time that way, and it is a process all the same: with its own descriptors,
environment, directory, signals and exit. This module is the interpreter's program, too.
"""

from __future__ import annotations

import atexit
import gc
import io
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import IO, Any

import typer

from tests.support.servers import die_with_parent

_PROGRAMS = ("producer", "projector")
_LEFT_OUT = (
    "projector.cli.top",
    "projector.testing",
    "projector.pytest_plugin",
    "projector.web",
    "projector.tracing",
    "projector.metrics",
    "producer.metrics",
)
"""What few commands need, and takes long to load."""


class WarmInterpreter:
    """Started at its first command; ends with this process."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._socket: socket.socket | None = None

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            words = [sys.executable, "-m", "tests.support.warm", str(theirs.fileno())]
            process = subprocess.Popen(words, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        atexit.register(process.wait)
        atexit.register(ours.close)
        return ours

    def run(
        self,
        program: str,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: str | None = None,
        stdin: int,
        stdout: int,
        stderr: int,
        timeout: float | None = None,
    ) -> int:
        """Run `program` to its end on these descriptors; its status as subprocess has it. Raises TimeoutExpired."""
        order = {"program": program, "arguments": list(arguments), "env": dict(env), "cwd": cwd or os.getcwd()}
        with self._one_at_a_time:
            ours = self._socket = self._socket or self._start()
            with tempfile.TemporaryFile() as file:
                file.write(json.dumps(order).encode())
                file.flush()
                socket.send_fds(ours, [b"1"], [file.fileno(), stdin, stdout, stderr])
            pid = int(ours.recv(32))
            ours.settimeout(timeout)
            try:
                return int(ours.recv(32))
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                ours.settimeout(None)
                ours.recv(32)
                raise subprocess.TimeoutExpired([program, *arguments], timeout or 0) from None
            finally:
                ours.settimeout(None)


def _serve(theirs: socket.socket) -> str | None:
    """In the interpreter: fork for each order. Returns in each child with the program to run, in the parent None."""
    while True:
        _, descriptors, _, _ = socket.recv_fds(theirs, 1, 4)
        if not descriptors:
            return None  # the tests have ended
        pid = os.fork()
        if pid == 0:
            theirs.close()
            return _obey(descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        theirs.send(str(pid).encode())
        theirs.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())


def _obey(descriptors: list[int]) -> str:
    die_with_parent()
    with open(descriptors[0], "rb") as file:
        file.seek(0)
        order = json.load(file)
    for standard, descriptor in enumerate(descriptors[1:]):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(order["env"])
    time.tzset()
    os.chdir(order["cwd"])
    sys.stdin, sys.stdout, sys.stderr = _text(0, "r"), _text(1, "w"), _text(2, "w")
    sys.argv = [order["program"], *order["arguments"]]
    return str(order["program"])


def _end(status: int) -> None:
    """End as an interpreter does, but for the taking apart of all modules, which costs half of a short command.

    Returns where the output cannot be written: what then follows is the interpreter's own matter.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _text(descriptor: int, mode: str) -> Any:
    errors = "backslashreplace" if descriptor == 2 else "strict"
    file: IO[Any] = open(descriptor, mode, encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115
    if descriptor == 2 and isinstance(file, io.TextIOWrapper):
        file.reconfigure(line_buffering=True)
    return file


def _load(name: str) -> None:
    package = import_module(name)
    for module in pkgutil.iter_modules(package.__path__, f"{name}."):
        if module.name in _LEFT_OUT or module.name.endswith("__main__"):
            continue
        if module.ispkg:
            _load(module.name)
        else:
            import_module(module.name)


def _build(name: str) -> None:
    """Build the program's commands, which Typer does anew for each call: a third of a short command's time."""
    typer.main.get_command(import_module(f"{name}.cli.app").app)


if __name__ == "__main__":
    typer.main.get_command = cache(typer.main.get_command)
    for name in _PROGRAMS:
        _load(name)
        _build(name)
    gc.collect()
    gc.freeze()  # or each child would look through all of it when it ends, which takes it 0.2 s
    with socket.socket(fileno=int(sys.argv[1])) as listening:
        program = _serve(listening)
    if program:
        try:
            import_module(f"{program}.cli").main()
        except SystemExit as ended:
            if isinstance(ended.code, int | None):
                _end(ended.code or 0)
            raise
