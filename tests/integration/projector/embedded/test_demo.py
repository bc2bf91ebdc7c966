"""`projector demo`, as a user runs it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from projector.demo.audit import Audit, Tally
from projector.query import Status, Totals
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
    verdict = re.search(r"^(\d+) operations recorded, (\d+) projected, none missing, none double", output, re.M)
    assert verdict, output
    assert int(verdict[1]) == int(verdict[2]) > 50
    assert "killed with SIGKILL" in output
    statistics, rest_of_it = output.split("Recent failures")
    failures, cleanups = rest_of_it.split("Recent cleanups")
    assert "nightly-backup" in statistics
    assert "onnection refused" in failures
    assert re.search(r"(old-drafts|stale-locks|stale-worktrees|rotated-logs) +(delete|release|archive)", cleanups)
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
    """An operation that no worker recorded stands in the log: the audit finds it."""
    with running_demo(tmp_path, seconds=2) as process:
        with redis.Redis.from_url(url_in(process), protocol=2) as client:
            client.xadd(
                "{otters}:wal",
                {
                    "op": '{"type":"cleanup_executed","scanner_id":"s","resource_id":"r","action":"delete",'
                    '"success":true,"executed_at":1}'
                },
            )
        output = rest(process)
    assert process.returncode == 1, output
    assert re.search(r"do not agree: operations: expected \d+, found \d+", output)
    assert re.search(r"do not agree: cleanups: expected \d+, found \d+", output)
    assert "none missing" not in output


def status(**figures: int) -> Status:
    """A status of nothing, but for the figures."""
    nothing: dict[str, Any] = dict.fromkeys(Status.__dataclass_fields__, 0)
    texts = dict.fromkeys(("checkpoint", "lease_holder", "schema", "config"))
    return Status(**{**nothing, **texts, "namespace": "otters", "torn": False, **figures})


def test_the_audit_counts_what_arrived_twice_once() -> None:
    """A reply that was lost makes a worker repeat its operation; the projector ignores the second."""
    audit = Audit(
        recorded=Tally(started=2, successes=1, failures=1),
        totals=Totals(total_executions=2, successes=1, failures=1, orphaned=0, cleanups=0, cleanup_failures=0),
        status=status(entries=5, duplicates=1),
    )
    assert audit.disagreements() == []
    assert audit.verdict() == "4 operations recorded, 4 projected, none missing, none double (1 arrived twice)."


@pytest.mark.parametrize(
    "wrong", [{"entries": 3}, {"entries": 5}, {"missing": 1}, {"quarantined": 1, "entries": 5}, {"in_flight": 1}]
)
def test_the_audit_finds_each_figure_that_is_wrong(wrong: dict[str, int]) -> None:
    audit = Audit(
        recorded=Tally(started=2, successes=1, failures=1),
        totals=Totals(total_executions=2, successes=1, failures=1, orphaned=0, cleanups=0, cleanup_failures=0),
        status=status(**{"entries": 4, **wrong}),
    )
    assert len(audit.disagreements()) == 1
