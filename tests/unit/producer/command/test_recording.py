"""The record of a run holds the run up for a bounded time, whatever the network does, and says once what is wrong."""

from __future__ import annotations

import errno
import math
import time
from pathlib import Path
from typing import Any

import pytest

from producer.cli import recording as module
from producer.cli.recording import PATIENCE_SECONDS, Recording
from producer.command.child import Ended
from producer.errors import SpoolFull, SpoolUnusable, UnusableServer
from producer.identity import Receipt
from producer.terminal.options import LogAddress

ENDED = Ended(status=0, error=None, ran=True, output=None, duration_ms=1, ended_at=1)


class Forwarding:
    """A producer with a spool or a buffer. It delivers what was recorded when a flush finds it `there`.

    A server that is not there lets each flush take all its time.
    """

    def __init__(self) -> None:
        self.there = True
        self.refusal: Exception | None = None
        self.trouble: str | None = None
        self.unwatched: str | None = None
        self.waiting: list[str] = []
        self.delivered: list[str] = []
        self.closed = 0
        self.beating_for: list[str] = []
        self.flushes: list[dict[str, Any]] = []

    def execution(self, action_id: str, **_: object) -> str:
        return action_id

    def begin(self, run: str) -> Receipt:
        self.beating_for.append(run)
        return self._record("start")

    def end(self, run: str) -> None:
        self.beating_for.remove(run)

    def action_execution_completed(self, *_: object, **__: object) -> Receipt:
        return self._record("end")

    def _record(self, what: str) -> Receipt:
        if self.refusal is not None:
            raise self.refusal
        self.waiting.append(what)
        return Receipt("p", 1, None)

    def flush(self, timeout: float, **options: Any) -> bool:
        self.flushes.append(options)
        if not self.there:
            time.sleep(timeout)
            return False
        self.delivered += self.waiting
        self.waiting.clear()
        return True

    def close(self, timeout: float) -> None:
        assert timeout == 0
        assert not self.beating_for  # else it would have failed, as its producer exited
        self.closed += 1


class Place:
    """What `open_producer` opens: `spool` there, or what it raises instead, and `buffer`."""

    def __init__(self) -> None:
        self.producer = Forwarding()
        self.spool_trouble: Exception | None = None
        self.server_trouble: Exception | None = None
        self.opened: list[str] = []

    def open(self, *_: object, spool: Path | None = None, buffer: int | None = None, **__: object) -> Forwarding:
        if self.server_trouble is not None:
            raise self.server_trouble
        if spool is not None and self.spool_trouble is not None:
            raise self.spool_trouble
        self.opened.append(f"spool {spool}" if spool else f"buffer {buffer}")
        return self.producer


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    made = Place()
    monkeypatch.setattr(module, "open_producer", made.open)
    return made


@pytest.fixture
def said() -> list[str]:
    return []


def opened(said: list[str], action_id: str = "backup") -> Recording:
    made = Recording(action_id, source="manual", execution_type="command", execution_id="e1", say=said.append)
    made.open(LogAddress(), spool=Path("/state/spool"))
    return made


def test_what_arrives_is_not_spoken_of(place: Place, said: list[str]) -> None:
    recording = opened(said)
    recording.started()
    assert place.producer.delivered == ["start"]
    assert place.producer.beating_for == ["backup"]
    recording.completed(ENDED)
    assert place.producer.delivered == ["start", "end"]
    assert place.opened == ["spool /state/spool"]
    assert place.producer.closed == 1
    assert said == []


def test_a_network_that_hangs_is_given_up_in_time_and_said_once(place: Place, said: list[str]) -> None:
    place.producer.there = False
    recording = opened(said)
    began = time.monotonic()
    recording.started()
    recording.completed(ENDED)
    elapsed = time.monotonic() - began
    assert said == ["backup runs and its record waits in /state/spool: no answer"]
    assert PATIENCE_SECONDS < 2
    assert PATIENCE_SECONDS - 0.1 <= elapsed < PATIENCE_SECONDS + 5  # not for ever; the 5 are the machine's
    assert place.producer.closed == 1


def test_a_server_that_goes_away_meanwhile_is_said_at_the_end(place: Place, said: list[str]) -> None:
    recording = opened(said)
    recording.started()
    place.producer.there, place.producer.trouble = False, "127.0.0.1:1: connection refused"
    recording.completed(ENDED)
    (text,) = said
    assert text.startswith("the end of backup waits in /state/spool: 127.0.0.1:1: connection refused (the default, ")


def test_what_earlier_runs_left_does_not_hold_up_the_command_but_is_delivered_after_it(
    place: Place, said: list[str]
) -> None:
    recording = opened(said)
    recording.started()
    assert [options["leftovers"] for options in place.producer.flushes] == [False]
    recording.completed(ENDED)
    assert [options.get("leftovers", True) for options in place.producer.flushes] == [False, False, True]


def test_a_directory_that_cannot_be_used_leaves_the_record_in_memory(place: Place, said: list[str]) -> None:
    place.spool_trouble = SpoolUnusable("read-only")
    recording = opened(said)
    recording.started()
    recording.completed(ENDED)
    assert place.opened == ["buffer 2"]
    assert place.producer.delivered == ["start", "end"]
    assert said == []


def test_without_any_directory_the_record_waits_in_memory_too(
    place: Place, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(_: object) -> Path:
        raise PermissionError(errno.EPERM, "not ours", "/tmp/x")

    monkeypatch.setattr("producer.cli.options.spool_directory", nowhere)
    place.producer.there = False
    recording = Recording("backup", source="manual", execution_type="command", execution_id="e1", say=said.append)
    recording.open(LogAddress(), spool=None)
    recording.started()
    assert place.opened == ["buffer 2"]
    assert said == ["backup runs without a record: no answer; there is no directory for a spool: /tmp/x: not ours"]


def test_without_a_spool_the_record_is_tried_for_as_long_as_there_is_patience_and_both_reasons_are_said(
    place: Place, said: list[str]
) -> None:
    place.spool_trouble = SpoolUnusable("read-only")
    place.producer.there = False
    recording = opened(said)
    recording.started()
    recording.completed(ENDED)
    assert said == ["backup runs without a record: no answer; read-only"]
    assert place.producer.flushes[-1]["attempts"] == math.inf


def test_a_full_spool_is_said_and_the_end_is_not_recorded_without_its_start(place: Place, said: list[str]) -> None:
    place.producer.refusal = SpoolFull("the spool is full")
    recording = opened(said)
    recording.started()
    place.producer.refusal = None
    recording.completed(ENDED)
    assert said == ["backup runs without a record: the spool is full"]
    assert place.producer.waiting == place.producer.delivered == []
    assert place.producer.closed == 1


def test_an_end_that_finds_no_room_is_said(place: Place, said: list[str]) -> None:
    recording = opened(said)
    recording.started()
    place.producer.refusal = SpoolFull("the spool is full")
    recording.completed(ENDED)
    assert said == ["the end of backup is not recorded: the spool is full"]
    assert place.producer.closed == 1


def test_what_is_said_is_one_line(place: Place, said: list[str]) -> None:
    place.server_trouble = UnusableServer("no\n  such server")
    recording = opened(said, "back\nup")
    recording.started()
    recording.completed(ENDED)
    assert said == ["back up runs without a record: no such server"]


def test_a_run_that_cannot_be_watched_is_said_and_the_trouble_at_its_end_all_the_same(
    place: Place, said: list[str]
) -> None:
    place.producer.unwatched = "localhost:6379: no permissions"
    recording = opened(said)
    recording.started()
    place.producer.there, place.producer.trouble = False, "localhost:6379: gone"
    recording.completed(ENDED)
    assert said == [
        "backup runs without heartbeats, so nobody notices if it is killed: localhost:6379: no permissions",
        "the end of backup waits in /state/spool: localhost:6379: gone",
    ]
