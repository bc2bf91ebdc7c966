"""What dead producers left: found one by one, looked for again in time, and given back when it cannot be sent."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from producer.identity import Identity
from producer.spool.directory import SpoolDirectory
from producer.spool.leftovers import SCAN_SECONDS, Leftovers


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def directory(tmp_path: Path) -> SpoolDirectory:
    return SpoolDirectory(tmp_path)


@pytest.fixture
def leftovers(directory: SpoolDirectory, clock: Clock) -> Leftovers:
    return Leftovers(directory, monotonic=clock)


def leave(directory: SpoolDirectory) -> str:
    """Whose operation was left."""
    spool = directory.create(Identity(), "otters")
    spool.append(b"{}", at=5)
    spool.close()
    return spool.identity.by


def deliver(leftovers: Leftovers) -> str:
    """Whose leftover was delivered."""
    current = leftovers.current()
    assert current is not None
    assert leftovers.current() is current
    current.remove(current.batch(10, 1000), acked=0)
    leftovers.finish()
    return current.identity.by


def test_each_is_had_once_and_then_there_are_no_more(directory: SpoolDirectory, leftovers: Leftovers) -> None:
    left = {leave(directory) for _ in range(3)}
    assert {deliver(leftovers) for _ in range(3)} == left
    assert leftovers.current() is None
    assert leftovers.exhausted
    assert directory.files() == []


def test_the_directory_is_looked_at_again_after_a_while(
    directory: SpoolDirectory, leftovers: Leftovers, clock: Clock
) -> None:
    assert leftovers.current() is None
    by = leave(directory)
    assert leftovers.current() is None
    assert leftovers.seconds_to_look() == SCAN_SECONDS
    clock.now += SCAN_SECONDS
    assert leftovers.seconds_to_look() == 0
    assert deliver(leftovers) == by


def test_it_is_looked_at_at_once_for_who_asks(directory: SpoolDirectory, leftovers: Leftovers, clock: Clock) -> None:
    assert leftovers.current() is None
    by = leave(directory)
    clock.now += 1
    leftovers.look_again()
    states = [leftovers.exhausted]
    assert deliver(leftovers) == by
    assert leftovers.current() is None
    states.append(leftovers.exhausted)
    assert states == [False, True]


def test_one_that_is_given_back_is_another_s_to_take_and_comes_again(
    directory: SpoolDirectory, leftovers: Leftovers, clock: Clock
) -> None:
    by = leave(directory)
    assert leftovers.current() is not None
    clock.now += 1
    leftovers.give_back()
    assert not leftovers.exhausted
    (other,) = directory.leftovers()
    other.close()
    assert deliver(leftovers) == by


def test_one_that_another_takes_meanwhile_is_no_longer_waited_for(
    directory: SpoolDirectory, leftovers: Leftovers
) -> None:
    leave(directory)
    (other,) = directory.leftovers()
    assert leftovers.current() is None
    assert leftovers.exhausted
    other.close()


def test_one_that_is_put_off_is_passed_by_until_it_is_time_and_then_suspect(
    directory: SpoolDirectory, leftovers: Leftovers, clock: Clock
) -> None:
    leave(directory)
    first = leftovers.current()
    assert first is not None
    assert not leftovers.is_suspect
    by = leave(directory)
    leftovers.put_off("no replica")
    clock.now += 1
    leftovers.look_again()
    assert deliver(leftovers) == by
    assert leftovers.current() is None
    assert (leftovers.exhausted, leftovers.trouble) == (True, "no replica")
    clock.now += SCAN_SECONDS
    again = leftovers.current()
    assert again is not None
    assert (again.path, leftovers.is_suspect) == (first.path, True)
    assert deliver(leftovers) == first.identity.by
    assert leftovers.trouble is None
    assert directory.files() == []


def test_why_one_waits_is_said_once(
    directory: SpoolDirectory, leftovers: Leftovers, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    by = leave(directory)
    for _ in range(3):
        assert leftovers.current() is not None
        leftovers.put_off("no replica")
        clock.now += SCAN_SECONDS + 1
    (said,) = caplog.messages
    assert said == f"what {by} left in {directory.files()[0]} waits: no replica"


def test_what_another_delivers_meanwhile_is_no_trouble_any_more(
    directory: SpoolDirectory, leftovers: Leftovers, clock: Clock
) -> None:
    leave(directory)
    assert leftovers.current() is not None
    leftovers.put_off("no replica")
    (other,) = directory.leftovers()
    other.remove(other.batch(10, 1000), acked=0)
    other.close()
    clock.now += SCAN_SECONDS
    assert leftovers.current() is None
    assert leftovers.trouble is None


def test_the_idle_look_only_for_what_the_living_producer_left_itself(directory: SpoolDirectory, clock: Clock) -> None:
    idle = Leftovers(directory, idle=True, monotonic=clock)
    by = leave(directory)
    for _ in range(3):
        assert idle.current() is None
        assert idle.exhausted
        clock.now += SCAN_SECONDS
        assert 0 < idle.seconds_to_look() <= threading.TIMEOUT_MAX
    directory.has_left_own = True
    assert idle.go_first
    assert idle.seconds_to_look() == 0
    assert deliver(idle) == by
    assert idle.current() is None
    assert idle.exhausted
    assert idle.seconds_to_look() > SCAN_SECONDS
