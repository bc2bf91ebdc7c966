"""A server with little memory, and more operations than fit into it: the archive has them, and nobody is refused.

BOUNDED_OPERATIONS=1000000 makes it a million small ones.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from producer import Producer
from projector import Query
from projector.archive.archive import Archive
from tests.support.commands import PROJECTOR, environment, projector
from tests.support.servers import Server, die_with_parent, eventually, running

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(1800)]

_MEMORY = 32 << 20
_MANY = int(os.environ.get("BOUNDED_OPERATIONS", "0"))
_OPERATIONS, _ERROR = (_MANY, None) if _MANY else (20_000, "x" * 2500)
_THREADS = 4


@pytest.fixture
def small_server(tmp_path: Path) -> Iterator[Server]:
    yield from running(tmp_path / "server", "--maxmemory", str(_MEMORY), "--maxmemory-policy", "noeviction")


def test_more_operations_than_memory_holds_are_all_recorded_archived_and_counted_once(
    small_server: Server, tmp_path: Path
) -> None:
    url, where = small_server.url, str(tmp_path / "archive")
    used: list[int] = []
    with (tmp_path / "projector.log").open("wb") as log:
        run = subprocess.Popen(
            [*PROJECTOR, "run", "--url", url, "--archive", where, "--retain-entries", "1000", "--max-entries", "100"],
            stderr=log,
            env=environment(),
            preexec_fn=die_with_parent,
        )
    try:
        with small_server.client() as client, Producer(url) as producer:

            def has_room() -> bool:
                used.append(int(client.info("memory")["used_memory"]))
                return used[-1] < _MEMORY * 3 // 4  # no faster than the archiver

            def write(thread: int) -> None:
                for number in range(_OPERATIONS // _THREADS):  # raises if the server refuses
                    producer.cleanup_executed(
                        f"scanner-{thread}", f"lock:{number}", "release", not _ERROR, error=_ERROR
                    )
                    if number % 100 == 0:
                        eventually(has_room, what="what is archived to be trimmed")

            with ThreadPoolExecutor(_THREADS) as threads:
                list(threads.map(write, range(_THREADS)))
            assert "errorstat_OOM" not in client.info("errorstats")  # not to the projector either
        with Query(url) as query:
            eventually(lambda: query.status().lag == 0, what=(tmp_path / "projector.log").read_text())
            eventually(lambda: query.status().wal_length < _OPERATIONS // 4, what="what is archived to be trimmed")
    finally:
        run.send_signal(signal.SIGTERM)
        assert run.wait(60) == 0, (tmp_path / "projector.log").read_text()

    half = len(used) // 2
    assert max(used[half:]) < 1.25 * max(used[:half])  # flat
    assert max(used) < _MEMORY
    with Query(url) as query:
        status, totals = query.status(), query.totals()
    assert (totals.cleanups, status.duplicates, status.missing, status.quarantined) == (_OPERATIONS, 0, 0, 0)
    archive = Archive.at(where, "otters")
    numbers = [
        int(fields[5])
        for number in range(1, archive.count + 1)
        for _, fields in archive.entries(number)
        if fields[2:3] == [b"by"]
    ]
    assert sorted(numbers) == [*range(1, _OPERATIONS + 1)]
    assert projector("archive", "verify", "--url", url, "--archive", where).returncode == 0
    assert projector("verify", "--url", url, "--archive", where, "--from-archive").returncode == 0
