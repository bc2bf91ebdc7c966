"""A fleet that archives: one process of each worker archives for all its namespaces."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from projector.archive.archive import Archive
from tests.support.fleets import crew, logs_of, wait_for_shares
from tests.support.projection import Log
from tests.support.servers import Server, eventually

pytestmark = [pytest.mark.server, pytest.mark.slow]


def archived(where: Path, log: Log) -> int:
    """How many entries the archive of a namespace has."""
    return len(Archive.at(str(where), log.namespace).after("", 1000))


def test_one_process_archives_for_all_namespaces_of_a_worker(own_server: Server, tmp_path: Path) -> None:
    where = tmp_path / "archive"
    with own_server.client() as client, crew(own_server.url, tmp_path) as workers:
        logs = logs_of(client, own_server.url, "team", 4)
        options = ("--namespace", "team-*", "--archive", str(where))
        worker = workers.start(*options, "--seal-after", "0.1", "--retain-entries", "1000")
        for log in logs:
            eventually(lambda log=log: archived(where, log), what=f"a segment of {log.namespace}")  # type: ignore[misc]
        (archiver,) = worker.children()

        os.kill(archiver, signal.SIGKILL)
        for log in logs:
            worker.wait_for(f"archiving of namespace {log.namespace} has stopped")
            log.add_completions(1)
        for log in logs:
            worker.wait_for(f"archiving of namespace {log.namespace} goes on")
            eventually(lambda log=log: archived(where, log) >= 2, what=f"entries of {log.namespace}")  # type: ignore[misc]

        other = workers.start(*options)
        wait_for_shares(logs, 2, 2)
        eventually(
            lambda: len(worker.children()) == len(other.children()) == 1, what="an archiver beside each worker"
        )
        for log in logs:
            log.add_completions(1)
            log.wait_for_entries(3)
        assert worker.end() == other.end() == 0
        for log in logs:
            seals = log.client.xlen(log.key("wal")) - 3
            assert archived(where, log) >= 3 + seals - 1, "the rest was not archived at the stop"
        assert "Traceback" not in worker.said() + other.said()
