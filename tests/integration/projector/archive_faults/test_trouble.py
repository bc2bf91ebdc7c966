"""A full disk, and an object store that fails or hangs: trimming stops, the projector goes on, all of it recovers."""

from __future__ import annotations

import resource
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from producer.connection.wire import send_once
from producer.log import Log as Stream
from projector.archive import place
from projector.archive.archive import Archive
from projector.archiving.__main__ import archive
from projector.archiving.companion import News, Order
from projector.evidence.examination import examine
from projector.trail import Trail
from projector.verification import verify
from tests.support.commands import PROJECTOR, environment
from tests.support.objects import ObjectStore, object_store
from tests.support.projection import Log
from tests.support.proxy import Fault
from tests.support.servers import Server, die_with_parent, eventually

pytestmark = pytest.mark.server

_UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
_FULL = (16, resource.RLIM_INFINITY)
"""No file may grow beyond 16 bytes: each is cut off there, as on a full disk."""


@pytest.fixture
def log(own_server: Server) -> Iterator[Log]:
    with own_server.client() as client:
        client.config_set("stream-node-max-entries", 4)  # of a node a trim removes all or nothing
        yield Log(client, own_server.url, "otters")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    with object_store(monkeypatch) as opened:
        yield opened


class Running:
    """`projector run`, which archives each entry soon and keeps three in the log."""

    def __init__(self, log: Log, where: str, said: Path) -> None:
        self._said = said
        self._log = log
        options = ["--archive", where, "--seal-after", "0.1", "--retain-entries", "3", "--url", log.url]
        with said.open("w") as stderr:
            self.process = subprocess.Popen(
                [*PROJECTOR, "run", *options], stderr=stderr, env=environment(), preexec_fn=die_with_parent
            )

    def say(self, text: str) -> None:
        eventually(lambda: text in self._said.read_text(), what=f"{text!r} in the log of the projector")

    def archiver(self) -> int:
        tasks = Path(f"/proc/{self.process.pid}/task")
        (found,) = [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]
        return found

    def trimmed(self) -> int:
        assert self.process.poll() is None, self._said.read_text()
        return int(self._log.checkpoint("trimmed") or 0)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0


@contextmanager
def running(log: Log, where: str, said: Path) -> Iterator[Running]:
    found = Running(log, where, said)
    try:
        yield found
    finally:
        found.process.kill()
        found.process.wait()


def live_through(
    log: Log, where: str, said: Path, break_: Callable[[int], object], mend: Callable[[int], object]
) -> None:
    """Project, archive and trim; then `break_` the archive while entries come, and `mend` it. Both get the archiver's
    process."""
    with running(log, where, said) as projector:
        log.add_completions(20)
        eventually(projector.trimmed, seconds=60, what="something to be trimmed")
        archiver = projector.archiver()
        break_(archiver)
        projected = log.entries()
        log.add_completions(20)
        log.wait_for_entries(projected + 20)
        projector.say("archiving has stopped, and nothing more can be trimmed until it goes on")
        before = projector.trimmed()
        log.add_completions(20)
        log.wait_for_entries(projected + 40)
        mend(archiver)
        assert Archive.at(where, "otters").newest().total >= before  # type: ignore[union-attr]
        projector.say("archiving goes on")
        eventually(lambda: projector.trimmed() > before + 20, seconds=60, what="the rest to be trimmed")
        projector.stop()
    assert_whole(log, where)
    assert log.totals()["total_executions"] == 60


def assert_whole(log: Log, where: str) -> None:
    """Nothing is in neither place, and nothing counts twice."""
    log.client.delete(log.key("lease"))
    log.drain()
    found = Archive.at(where, log.namespace)
    assert examine(found, log.client).fault is None
    outcome = verify(log.client, log.namespace, archive=where, from_archive=True)
    assert outcome.identical, outcome.differences
    entries = Trail(Stream(partial(send_once, log.client), log.namespace), found).after("", 10_000)
    assert len(entries) == log.entries()


def test_a_full_disk(log: Log, tmp_path: Path) -> None:
    live_through(
        log,
        str(tmp_path / "archive"),
        tmp_path / "said",
        lambda archiver: resource.prlimit(archiver, resource.RLIMIT_FSIZE, _FULL),
        lambda archiver: resource.prlimit(archiver, resource.RLIMIT_FSIZE, _UNLIMITED),
    )
    assert not list(tmp_path.rglob("*.tmp"))


def test_an_object_store_that_is_away(log: Log, store: ObjectStore, tmp_path: Path) -> None:
    live_through(log, store.where, tmp_path / "said", lambda _: store.go_away(), lambda _: store.come_back())
    assert any(name.startswith("otters/manifests/") for name in store.objects())


def test_an_object_store_that_hangs(log: Log, store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The archiver's process reports it after its time-outs, and goes on when the store answers."""
    patience = place._CALL_SECONDS
    monkeypatch.setattr(place, "_CALL_SECONDS", 0.5)
    log.add_completions(20)
    log.drain()
    store.proxy.inject(Fault.HOLD_REPLY, on=b"segments/", times=50)
    told: list[News] = []
    stopping = threading.Event()
    order = Order(url=log.url, namespace=log.namespace, where=store.where, seal_after=0.1)
    thread = threading.Thread(target=archive, args=(order, stopping, told.append))
    thread.start()
    try:
        eventually(lambda: told and "cannot be used" in told[-1].trouble, what="the trouble to be told")
        assert told[-1].archived_to == ""
        log.add_completions(20)
        log.drain()
        store.proxy.heal()
        eventually(lambda: told[-1].archived_to and not told[-1].trouble, what="the archiver to go on")
    finally:
        stopping.set()
        thread.join(30)
    assert not thread.is_alive()
    log.drain()
    monkeypatch.setattr(place, "_CALL_SECONDS", patience)  # what follows is no fault, on a machine however busy
    assert_whole(log, store.where)
