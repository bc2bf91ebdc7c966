"""The record of a run holds the run up for a bounded time, whatever the network does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from producer.child import Ended
from producer.cli import recording as module
from producer.cli.recording import PATIENCE_SECONDS, Recording
from producer.receipt import Receipt

ENDED = Ended(status=0, error=None, ran=True, output=None, duration_ms=1, ended_at=1)


class Network:
    """A producer whose first call hangs, as looking up a name does, until `opened`."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.sent: list[str] = []

    def action_execution_started(self, *_: object, **__: object) -> Receipt:
        self.opened.wait()
        return self._send("start")

    def action_execution_completed(self, *_: object, **__: object) -> Receipt:
        return self._send("end")

    def resend(self, _error: object) -> Receipt:
        raise AssertionError("nothing failed, so nothing is sent again")

    def _send(self, what: str) -> Receipt:
        self.sent.append(what)
        return Receipt("p", len(self.sent), "1-1")


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    hanging = Network()
    monkeypatch.setattr(module, "open_producer", lambda *_, **__: hanging)
    yield hanging
    hanging.opened.set()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def recording(network: Network, said: list[str]) -> Recording:  # noqa: ARG001 - it has to be there first
    made = Recording("backup", source="manual", execution_type="command", execution_id="e1", say=said.append)
    made.open(None, None)
    return made


def test_a_network_that_hangs_is_given_up_in_time_and_said_once(recording: Recording, said: list[str]) -> None:
    began = time.monotonic()
    recording.started()
    recording.completed(ENDED)
    elapsed = time.monotonic() - began
    assert said == ["backup runs without a record: no answer"]
    assert PATIENCE_SECONDS < 2
    assert elapsed < PATIENCE_SECONDS + 5  # not for ever; the 5 are the machine's


def test_the_end_is_not_sent_before_the_start(recording: Recording, network: Network, said: list[str]) -> None:
    recording.started()
    opening = threading.Timer(0.1, network.opened.set)
    opening.start()
    recording.completed(ENDED)
    opening.join()
    assert network.sent == ["start", "end"]
    assert len(said) == 1


def test_what_arrives_is_not_spoken_of(recording: Recording, network: Network, said: list[str]) -> None:
    network.opened.set()
    recording.started()
    recording.completed(ENDED)
    assert network.sent == ["start", "end"]
    assert said == []


def test_what_is_said_is_one_line(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    class Broken(Network):
        def _send(self, what: str) -> Receipt:
            raise RuntimeError(f"no {what}\n  at all")

    broken = Broken()
    broken.opened.set()
    monkeypatch.setattr(module, "open_producer", lambda *_, **__: broken)
    made = Recording("back\nup", source="manual", execution_type="command", execution_id="e1", say=said.append)
    made.open(None, None)
    made.started()
    made.completed(ENDED)
    assert said == ["back up runs without a record: RuntimeError: no start at all"]
