"""`kill -9` at every step of archiving, snapshotting, trimming, restoring and rebuilding.

After each death no entry is in neither the archive nor the log, a second run completes the work, and nothing counts
twice.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from producer.connection.wire import send_once
from producer.log import Entry
from producer.log import Log as Stream
from projector.archive import draft
from projector.archive.archive import Archive
from projector.archive.archiver import Archiver
from projector.bounds import Bounds
from projector.evidence.examination import examine
from projector.retention import Retention
from projector.snapshot import Snapshots
from projector.trail import Trail
from projector.verification import verify
from tests.support.dying import SEGMENT_ENTRIES, Mortal, mortal
from tests.support.projection import Log, completed, fill
from tests.support.servers import Server

pytestmark = pytest.mark.server


class Ground:
    """A log, its projection and its archive, which can be put back as they were at `keep`."""

    def __init__(self, log: Log, directory: Path, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(draft, "MAX_ENTRIES", SEGMENT_ENTRIES)
        self.log = log
        self.where = str(directory / "archive")
        self._kept = directory / "kept"
        self._keys: dict[bytes, Any] = {}
        self.entries: list[Entry] = []
        self.totals: dict[str, int] = {}
        log.client.config_set("stream-node-max-entries", 4)  # of a node a trim removes all or nothing
        log.add_completions(12)  # before the runs in flight, whose starts are not trimmed
        fill(log, actions=2)  # each has keys, and a key has steps
        log.drain()

    @property
    def archive(self) -> Archive:
        return Archive.at(self.where, self.log.namespace)

    def archive_all(self) -> None:
        Archiver(self.log.client, self.archive).once()
        self.log.drain()

    def trim(self) -> None:
        last_id = self.archive.last_id
        self.log.projector(retention=Retention(entries=5), archived_to=lambda: last_id).drain()

    def snapshot(self) -> None:
        Snapshots(self.archive.place).take(self.archive, Bounds())

    def keep(self) -> None:
        Path(self.where).mkdir(exist_ok=True)
        shutil.copytree(self.where, self._kept)
        self._keys = {key: self.log.client.dump(key) for key in self.log.client.scan_iter()}
        self.entries, self.totals = self.trail(), self.log.totals()

    def put_back(self, *, server_is_new: bool) -> None:
        shutil.rmtree(self.where)
        shutil.copytree(self._kept, self.where)
        self.log.client.flushall()
        if not server_is_new:
            with self.log.client.pipeline(transaction=False) as together:
                for key, dumped in self._keys.items():
                    together.restore(key, 0, dumped)
                together.execute()

    def trail(self) -> list[Entry]:
        """Every entry that is in the archive or in the log."""
        stream = Stream(partial(send_once, self.log.client), self.log.namespace)
        found = Trail(stream, self.archive).after("", 10_000)
        return [(entry_id, fields) for entry_id, fields in found]

    def assert_nothing_is_in_neither_place(self) -> None:
        found = dict(self.trail())
        assert [entry for entry in self.entries if found.get(entry[0]) != entry[1]] == []

    def assert_right_in_the_end(self, *, from_archive: bool) -> None:
        log = self.log
        log.client.delete(log.key("lease"))
        log.drain()
        examined = examine(self.archive, log.client)
        assert examined.fault is None, examined.fault
        outcome = verify(log.client, log.namespace, archive=self.where, from_archive=from_archive)
        assert outcome.identical, outcome.differences
        assert log.totals() == self.totals
        assert log.entries() == len(self.trail())


@pytest.fixture
def ground(own_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    with own_server.client() as client:
        yield Ground(Log(client, own_server.url, "otters"), tmp_path, monkeypatch)


@pytest.fixture
def doomed(ground: Ground) -> Iterator[Mortal]:
    with mortal(ground.log.url, ground.log.namespace, ground.where) as opened:
        yield opened


def kill_at_every_step(work: str, ground: Ground, doomed: Mortal, *, server_is_new: bool = False) -> int:
    """How many steps there are: at each of them `work` has died once, from the same beginning."""
    ground.keep()
    if server_is_new:  # what was in the log alone is lost with it
        ground.entries = ground.archive.after("", 10_000)
    for step in count(1):
        ground.put_back(server_is_new=server_is_new)
        status = doomed.does(work, until=step)
        if status == 0:
            return step - 1
        assert status == -signal.SIGKILL
        ground.log.client.delete(ground.log.key("lease"))  # which expires by itself
        ground.assert_nothing_is_in_neither_place()
        assert doomed.does(work) == 0
        ground.assert_right_in_the_end(from_archive=step % 2 == 0)
    raise AssertionError


def test_archiving(ground: Ground, doomed: Mortal) -> None:
    steps = kill_at_every_step("archive", ground, doomed)
    assert steps > 50
    assert ground.archive.count > 2


def test_taking_a_snapshot(ground: Ground, doomed: Mortal) -> None:
    ground.archive_all()
    assert kill_at_every_step("snapshot", ground, doomed) > 5
    assert Snapshots(ground.archive.place).newest(ground.archive, Bounds())


def test_trimming(ground: Ground, doomed: Mortal) -> None:
    ground.archive_all()
    ground.log.add(completed("b"))
    ground.log.drain()
    assert kill_at_every_step("trim", ground, doomed) > 10
    assert int(ground.log.checkpoint("trimmed")) > 0


def test_restoring(ground: Ground, doomed: Mortal) -> None:
    ground.archive_all()
    ground.snapshot()
    assert kill_at_every_step("restore", ground, doomed, server_is_new=True) > 10


def test_rebuilding(ground: Ground, doomed: Mortal) -> None:
    ground.archive_all()
    ground.snapshot()
    ground.trim()
    assert int(ground.log.checkpoint("trimmed")) > 0
    assert kill_at_every_step("rebuild", ground, doomed) > 10
