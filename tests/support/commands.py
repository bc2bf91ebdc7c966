"""The two commands as processes: the words that start them, and their environment."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

from tests.support.warm import WarmInterpreter

PRODUCER = str(Path(sys.executable).with_name("producer"))
"""The installed script."""
PROJECTOR = [sys.executable, "-c", "from projector.cli import main; main()"]


def environment_of(url: str, namespace: str, **more: str) -> dict[str, str]:
    """The test run's own environment, which names a server and a namespace."""
    return {**os.environ, "WAL_URL": url, "WAL_NAMESPACE": namespace, **more}


def environment(**more: str) -> dict[str, str]:
    """The test run's own environment, which names no server and no terminal, and `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WAL_", "COLUMNS", "FORCE"))}
    return kept | more


def run_command(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | str | None = None,
    input: Any = None,
    stdin: int | None = None,
    stdout: int | IO[str] | None = None,
    text: bool = False,
    timeout: float = 60,
) -> subprocess.CompletedProcess[Any]:
    """As subprocess.run with `capture_output`, for a command of PRODUCER or PROJECTOR, but started at once."""
    program, arguments = ("producer", command[1:]) if command[0] == PRODUCER else ("projector", command[3:])
    assert program == "producer" or list(command[:3]) == PROJECTOR
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as told:
        given.write(input.encode() if isinstance(input, str) else input or b"")
        given.seek(0)
        out = said.fileno() if stdout is None else stdout if isinstance(stdout, int) else stdout.fileno()
        status = _warm().run(
            program,
            arguments,
            env=env,
            cwd=str(cwd) if cwd else None,
            stdin=given.fileno() if stdin is None else stdin,
            stdout=out,
            stderr=told.fileno(),
            timeout=timeout,
        )
        said.seek(0)
        told.seek(0)
        found: list[Any] = [said.read(), told.read()]
    if text:
        found = [content.decode().replace("\r\n", "\n").replace("\r", "\n") for content in found]
    return subprocess.CompletedProcess(list(command), status, *found)


@cache
def _warm() -> WarmInterpreter:
    return WarmInterpreter()


def projector(*arguments: str, stdout: int | IO[str] | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    """The projector's command to its end, which is never a traceback; `more` adds to its environment."""
    ended = run_command([*PROJECTOR, *arguments], stdout=stdout, text=True, env=environment(**more))
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended


def projector_read_in_part(*arguments: str) -> tuple[int, str]:
    """(exit status, stderr) of the projector's command, whose reader leaves after a line."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*PROJECTOR, *arguments], stdout=pipe, stderr=pipe, text=True, env=environment()
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        return process.wait(30), process.stderr.read()


def projector_asks(answer: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The projector's command to its end, at a terminal on which `answer` was typed."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, f"{answer}\n".encode())
        return run_command([*PROJECTOR, *arguments], stdin=theirs, text=True, env=environment())
    finally:
        os.close(ours)
        os.close(theirs)
