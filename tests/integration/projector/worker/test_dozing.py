"""A session that dozes: it wakes at once, keeps its lease, and notices what others do to the log and the lease."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest

from projector.errors import LossesFound
from projector.fleet.watch import Watch
from projector.worker.projector import Projector
from tests.support.projecting import assert_right_in_the_end, running
from tests.support.projection import SHORT_LEASE, Log
from tests.support.servers import eventually

pytestmark = pytest.mark.server


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions doze as soon as nothing comes."""
    monkeypatch.setattr("projector.worker.session._DOZES_AFTER_SECONDS", 0.0)
    monkeypatch.setattr("projector.worker.session._SHORTEST_SLEEP_SECONDS", 0.0)


@pytest.fixture(params=[False, True], ids=["by itself", "under a watch"])
def watch(request: pytest.FixtureRequest, log: Log) -> Watch | None:
    return Watch(log.url, SHORT_LEASE) if request.param else None


@contextmanager
def failing(projector: Projector) -> Iterator[list[Exception]]:
    """The projector runs in a thread; the list gets the error that ends it."""
    errors: list[Exception] = []

    def run() -> None:
        try:
            projector.run()
        except Exception as error:  # noqa: BLE001 - handed to the test
            errors.append(error)

    thread = Thread(target=run)
    thread.start()
    try:
        yield errors
    finally:
        projector.stop()
        thread.join(30)


def asleep(log: Log, watch: Watch | None) -> bool:
    """Whether the session of `log` sleeps under the watch, or has had the time to doze."""
    if watch is None:
        time.sleep(2 * SHORT_LEASE)
        return True
    sleeping = watch._asleep.get(log.key("wal").encode())
    return sleeping is not None and sleeping.is_watched


def test_entries_wake_it_and_all_is_folded_once(log: Log, watch: Watch | None) -> None:
    log.add_completions(10)
    with running(log.projector(watch=watch)):
        for count in (20, 30, 300):
            eventually(lambda: asleep(log, watch), what="the session to sleep")
            log.add_completions(count - 10)
            log.wait_for_entries(log.client.xlen(log.key("wal")))
    assert_right_in_the_end(log)


def test_it_keeps_its_lease_for_as_long_as_it_sleeps(log: Log, watch: Watch | None) -> None:
    log.add_completions(1)
    with running(log.projector(watch=watch)):
        log.wait_for_entries(1)
        token = log.client.get(log.key("lease"))
        until = time.monotonic() + 4 * SHORT_LEASE
        while time.monotonic() < until:
            assert log.client.get(log.key("lease")) == token
            time.sleep(0.02)
    assert log.client.get(log.key("lease")) is None


def test_it_notices_that_entries_were_deleted(log: Log, watch: Watch | None) -> None:
    log.add_completions(5)
    with failing(log.projector(watch=watch)) as errors:
        log.wait_for_entries(5)
        eventually(lambda: asleep(log, watch), what="the session to sleep")
        log.client.xtrim(log.key("wal"), maxlen=2, approximate=False)
        eventually(lambda: errors, what="an error")
    assert isinstance(errors[0], LossesFound)


def test_it_notices_that_another_has_the_lease(
    log: Log, watch: Watch | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "projector")
    log.add_completions(5)
    with running(log.projector(watch=watch)):
        log.wait_for_entries(5)
        eventually(lambda: asleep(log, watch), what="the session to sleep")
        log.client.set(log.key("lease"), "another", px=1000)
        eventually(lambda: "standing by" in caplog.text, what="a standby")
        log.add_completions(1)
        log.wait_for_entries(6)  # the other did not renew it


def test_entries_that_another_reader_took_are_projected_though_nothing_more_comes(
    log: Log, watch: Watch | None
) -> None:
    log.add_completions(5)
    with running(log.projector(watch=watch)):
        log.wait_for_entries(5)
        eventually(lambda: asleep(log, watch), what="the session to sleep")
        transaction: Any = log.client.pipeline()  # or the session that waits would read it first
        transaction.execute_command("XADD", log.key("wal"), "*", "op", "{}")
        transaction.xgroup_setid(log.key("wal"), "projector", "$")
        transaction.execute()
        log.wait_for_entries(6)


def test_a_log_of_another_type_is_told(log: Log, watch: Watch | None) -> None:
    log.add_completions(5)
    with failing(log.projector(watch=watch)) as errors:
        log.wait_for_entries(5)
        eventually(lambda: asleep(log, watch), what="the session to sleep")
        log.client.set(log.key("wal"), "in the way")
        eventually(lambda: errors, what="an error")
    assert "expected a stream, found a string" in str(errors[0])


def test_an_account_that_may_not_ask_so_does_not_doze(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    log.client.execute_command("ACL", "SETUSER", "old", "on", ">pw", "~*", "+@all", "-getex")
    log.add_completions(1)
    log.url = log.url.replace("//", "//old:pw@")
    try:
        with running(log.projector()):
            eventually(lambda: "no permissions" in caplog.text, what="the refusal")
            for count in (2, 3):
                time.sleep(2 * SHORT_LEASE)
                log.add_completions(1)
                log.wait_for_entries(count)
        assert caplog.text.count("starting over") == 1
    finally:
        log.client.execute_command("ACL", "DELUSER", "old")


def test_a_stop_wakes_it(log: Log) -> None:
    watch = Watch(log.url, SHORT_LEASE)
    log.add_completions(1)
    projector = log.projector(watch=watch)
    with running(projector):
        eventually(lambda: asleep(log, watch), what="the session to sleep")
    assert log.client.get(log.key("lease")) is None
    assert not watch._asleep
