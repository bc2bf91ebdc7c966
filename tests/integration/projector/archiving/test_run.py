"""`projector run --archive`: a process beside the projector archives, and lives no longer than it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from projector.archive.archive import Archive
from projector.archiving.companion import Companion, Order
from projector.entry_id import order_of
from tests.support.commands import PROJECTOR, environment, projector
from tests.support.projection import Log, raw_entries
from tests.support.servers import eventually

pytestmark = pytest.mark.server


class Running:
    """`projector run` at work."""

    def __init__(self, log: Log, where: Path, *options: str) -> None:
        self.where = where
        self.log = log
        self.said = where.with_suffix(".log")
        command = [
            *PROJECTOR,
            "run",
            "--url",
            log.url,
            "--namespace",
            log.namespace,
            "--archive",
            str(where),
            "--lease-ttl",
            "1",
        ]
        with self.said.open("w") as stderr:
            self.process = subprocess.Popen([*command, *options], stderr=stderr, env=environment())

    def archive(self) -> Archive:
        return Archive.at(str(self.where), self.log.namespace)

    def children(self) -> list[int]:
        path = Path(f"/proc/{self.process.pid}/task")
        return [int(pid) for task in path.iterdir() for pid in (task / "children").read_text().split()]

    def wait_for_child(self) -> int:
        eventually(self.children, what="the archiver's process")
        return self.children()[0]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0


@contextmanager
def running(log: Log, where: Path, *options: str) -> Iterator[Running]:
    found = Running(log, where, *options)
    try:
        yield found
    finally:
        found.process.kill()
        found.process.wait()


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_what_is_projected_is_archived_meanwhile_and_the_rest_at_an_orderly_stop(log: Log, tmp_path: Path) -> None:
    with running(log, tmp_path / "archive", "--seal-after", "0.1") as run:
        log.add_completions(5)
        eventually(lambda: run.archive().count, what="a segment")
        child = run.wait_for_child()
        arguments = Path(f"/proc/{child}/cmdline").read_bytes()
        assert log.url.encode() not in arguments
        log.wait_for_entries(6)
        assert log.checkpoint("archive_head") == run.archive().head
    with running(log, tmp_path / "archive") as run:
        log.add_completions(5)
        log.wait_for_entries(11)
        run.wait_for_child()
        run.stop()
    projected = [(entry_id, fields) for entry_id, fields in raw_entries(log.client, log.key("wal"))][:11]
    assert run.archive().after("", 100) == projected
    assert log.client.get(log.key("lease")) is None


def test_what_is_archived_is_trimmed_and_nothing_is_in_neither_place(log: Log, tmp_path: Path) -> None:
    log.add_completions(500)
    everything = [(entry_id, fields) for entry_id, fields in raw_entries(log.client, log.key("wal"))]
    with running(log, tmp_path / "archive", "--seal-after", "0.1", "--retain-entries", "0") as run:
        eventually(lambda: log.client.xlen(log.key("wal")) < 300, what="the log to become short")
        run.stop()
    kept = list(raw_entries(log.client, log.key("wal")))
    assert run.archive().after("", 500) == everything
    assert order_of(kept[0][0].decode()) <= order_of(run.archive().last_id)
    facts: Any = log.client.xinfo_stream(log.key("wal"))
    assert int(log.checkpoint("trimmed")) == facts["entries-added"] - len(kept)
    where = ("--url", log.url, "--namespace", log.namespace, "--archive", str(run.where))
    assert "identical" in projector("verify", *where).stdout
    assert "identical" in projector("verify", "--from-archive", *where).stdout


def test_how_far_the_archive_is_must_be_found_anew_in_each_session(log: Log, tmp_path: Path) -> None:
    """After a failover the log may lack what was archived, and have other entries in its place."""
    log.add_completions(5)
    log.drain()
    where = str(tmp_path / "archive")
    companion = Companion(Order(url=log.url, namespace=log.namespace, where=where, seal_after=0.1))
    with companion:
        eventually(companion.archived_to, what="the archive to be known")
    assert companion.archived_to() == ""


def test_the_archiver_dies_with_a_projector_that_is_killed(log: Log, tmp_path: Path) -> None:
    with running(log, tmp_path / "archive") as run:
        child = run.wait_for_child()
        run.process.kill()
        eventually(lambda: is_gone(child), what="the end of the archiver")


def test_an_archiver_that_is_killed_is_started_again_and_the_projector_goes_on(log: Log, tmp_path: Path) -> None:
    with running(log, tmp_path / "archive", "--seal-after", "0.1") as run:
        os.kill(run.wait_for_child(), signal.SIGKILL)
        log.add_completions(5)
        log.wait_for_entries(5)
        eventually(lambda: run.archive().count, what="a segment")
        run.stop()
    said = run.said.read_text()
    assert "until it goes on: its process ended with status -9" in said
    assert "archiving goes on" in said


def test_a_projector_ends_in_order_while_its_archiver_waits_to_be_started_again(
    log: Log, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    companion = Companion(Order(url=log.url, namespace=log.namespace, where=str(tmp_path), seal_after=0.1))
    with companion:
        eventually(lambda: _archivers(os.getpid()), what="an archiver")
        for pid in _archivers(os.getpid()):
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: "ended with status -9" in caplog.text, what="news of its end")


def _archivers(parent: int) -> list[int]:
    children = "".join(path.read_text() for path in Path(f"/proc/{parent}/task").glob("*/children")).split()
    return [int(pid) for pid in children if b"projector.archiving" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_a_place_that_cannot_be_written_is_told_once_and_the_archive_recovers_by_itself(
    log: Log, tmp_path: Path
) -> None:
    where = tmp_path / "archive"
    where.write_text("in the way")
    with running(log, where, "--seal-after", "0.1") as run:
        log.add_completions(5)
        log.wait_for_entries(5)
        eventually(lambda: "archiving has stopped" in run.said.read_text(), what="the trouble")
        where.unlink()
        eventually(lambda: "archiving goes on" in run.said.read_text(), what="the recovery")
        eventually(lambda: run.archive().count, what="a segment")
        run.stop()
    assert run.said.read_text().count("archiving has stopped") == 1


def test_a_standby_archives_nothing(log: Log, tmp_path: Path) -> None:
    with running(log, tmp_path / "one") as active:
        active.wait_for_child()
        with running(log, tmp_path / "two") as standby:
            eventually(lambda: "standing by" in standby.said.read_text(), what="a standby")
            assert standby.children() == []


def test_a_retention_without_a_place_and_a_bad_key_are_refused_at_the_start(log: Log, tmp_path: Path) -> None:
    options = ["--url", log.url, "--namespace", log.namespace]
    assert projector("run", *options, "--retain", "7d").returncode == 2
    bad = projector("run", *options, "--archive", str(tmp_path), "--sign-key", str(tmp_path / "absent"))
    assert bad.returncode == 2
    assert "absent" in bad.stderr
    assert projector("run", *options, "--sign-key", str(tmp_path / "absent")).returncode == 2
    unknown = projector("run", *options, "--archive", "nosuch://bucket")
    assert unknown.returncode == 2
    assert "expected a directory, or a URL of a kind that fsspec knows" in unknown.stderr
