"""`projector demo`, as a user runs it."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest
import redis
from rich.console import Console

from projector.demo.demo import Demo
from projector.query import Query
from tests.support.commands import PROJECTOR
from tests.support.servers import eventually

pytestmark = pytest.mark.server

_PROGRAM = [*PROJECTOR, "demo"]


@contextmanager
def running_demo(directory: Path, *, seconds: float) -> Iterator[subprocess.Popen[str]]:
    """The demonstration as a process; `directory` is where temporary files go."""
    with subprocess.Popen(
        [*_PROGRAM, "--seconds", str(seconds)],
        # A width that the caller exports, as make may, would cut errors that a pipe shows in full.
        env={**os.environ, "TMPDIR": str(directory), "HOME": str(directory), "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def processes_of(directory: Path) -> list[str]:
    """The processes that were told to use `directory`, or work in it, and still run."""
    marks = (f"TMPDIR={directory}".encode(), os.fsencode(directory))
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "environ").read_bytes().split(b"\0")
            inside = os.fsencode(os.readlink(process / "cwd")).startswith(marks[1])
            if marks[0] in words or inside:
                found.append(f"{process.name}: {(process / 'cmdline').read_bytes()[:200]!r}")
        except OSError:
            pass  # it has ended, or is a zombie, or somebody else's
    return found


def url_in(process: subprocess.Popen[str]) -> str:
    """The URL that the demonstration prints when its server runs."""
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"WAL_URL=(\S+)", line):
            return found[1]
    raise AssertionError("the demonstration named no URL")


def rest(process: subprocess.Popen[str]) -> str:
    """What it says until its end."""
    assert process.stdout is not None
    said = process.stdout.read()
    process.wait()
    return said


def operations(url: str) -> int:
    with redis.Redis.from_url(url, protocol=2) as client:
        return int(client.xlen("{otters}:wal"))


def test_it_ends_well_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """Real figures agree, the report is there, and no process, no file is left."""
    with running_demo(tmp_path, seconds=4) as process:
        output = rest(process)
    assert process.returncode == 0, output
    verdict = re.search(r"^([\d,]+) operations recorded, (\d+) projected, none missing, none double", output, re.M)
    assert verdict, output
    assert int(verdict[1].replace(",", "")) == int(verdict[2]) > 50
    assert "killed with SIGKILL" in output
    statistics, rest_of_it = output.split("Recent failures")
    failures, cleanups = rest_of_it.split("Recent cleanups")
    assert "nightly-backup" in statistics
    assert "ConnectionRefused" in failures
    assert re.search(r"(old-drafts|stale-locks|stale-worktrees) +(delete|release|archive)", cleanups)
    assert output.endswith((" projector up\n", "/projector up\n")), "what to type next"
    assert "\x1b" not in output, "no colour and no moving line when piped"
    assert processes_of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_ends_all_of_it_and_removes_the_directory(tmp_path: Path) -> None:
    with running_demo(tmp_path, seconds=60) as process:
        url = url_in(process)
        eventually(lambda: operations(url) > 20, what="the workers to work")
        assert len(processes_of(tmp_path)) >= 7  # itself, the server, the projector, five workers
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    assert processes_of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_all_of_it_dies_with_it_when_it_is_killed(tmp_path: Path) -> None:
    with running_demo(tmp_path, seconds=60) as process:
        url = url_in(process)
        eventually(lambda: operations(url) > 20, what="the workers to work")
        process.kill()
        process.wait()
        eventually(lambda: not processes_of(tmp_path), seconds=10, what="all processes to end")


def test_figures_that_do_not_agree_are_an_error(tmp_path: Path) -> None:
    """A number that no worker used stands in the log: the operations before it are missing."""
    with running_demo(tmp_path, seconds=2) as process:
        with redis.Redis.from_url(url_in(process), protocol=2) as client:
            operation = '{"type":"quarantine_dropped","entry_id":"1-1","dropped_at":1}'
            client.xadd("{otters}:wal", {"op": operation, "by": "a", "seq": 2})
        output = rest(process)
    assert process.returncode == 1, output
    assert "do not agree" in output
    assert "none missing" not in output


def test_its_lines_are_folded_between_words_at_60_columns(tmp_path: Path) -> None:
    """A path and a command stay whole."""
    output = io.StringIO()
    console = Console(file=output, width=60, markup=False, highlight=False)
    demo = Demo(tmp_path, url="redis://there", query=cast(Query, None), seconds=1, console=console)
    demo._event("the projector was started again; it takes over once the dead one's lease has run out")
    demo.say("A Valkey server and a projector run in /tmp/execution-wal-demo-abcdefgh.")
    demo.show(command := "export WAL_URL=redis://127.0.0.1:6379/0 PATH=/a/directory/.venv/bin:$PATH")
    assert [line.rstrip() for line in output.getvalue().splitlines()] == [
        "  0.0 s  the projector was started again; it takes over once",
        "         the dead one's lease has run out",
        "A Valkey server and a projector run in",
        "/tmp/execution-wal-demo-abcdefgh.",
        f"    {command}",
    ]
