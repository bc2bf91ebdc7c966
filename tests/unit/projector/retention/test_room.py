from __future__ import annotations

import logging
from typing import Any

import pytest

from producer.log import Entry, LogFacts
from projector.errors import ServerRefused
from projector.retention.room import RoomWatch, room_in_words, room_seconds

NOW = 1_790_000_000


class FakeServer:
    """Has `length` entries of 80 bytes, `interval` ms apart up to now, the oldest of them `age` ms old."""

    def __init__(self, *, limit: int, used: int = 0, interval: float = 10, length: int = 5000, age: int = 0) -> None:
        self.limit, self.used, self.interval, self.length = limit, used, interval, length
        self.age = age or int(interval * length)
        self.asked: list[str] = []

    def call(self, *command: Any) -> Any:
        self.asked.append(command[0])
        match command[0]:
            case "INFO":
                return f"# Memory\r\nused_memory:{self.used}\r\nmaxmemory:{self.limit}\r\n".encode()
            case "TIME":
                return [str(NOW).encode(), b"0"]
            case "EXISTS":
                return 1
            case "XINFO":
                first = [f"{NOW * 1000 - self.age}-0".encode(), [b"op", b"x"]]
                return [
                    *(b"length", self.length, b"entries-added", self.length),
                    *(b"last-generated-id", f"{NOW * 1000}-0".encode(), b"first-entry", first),
                ]
        return [self.entry(number) for number in range(min(command[-1], self.length))]

    def entry(self, number: int) -> Entry:
        return f"{NOW * 1000 - int(self.interval * (number + 1))}-0".encode(), [b"op", b"x" * 80]

    @property
    def facts(self) -> LogFacts:
        return LogFacts(self.length, self.length, f"{NOW * 1000 - self.age}-0", f"{NOW * 1000}-0")


def seconds(server: FakeServer, *, trimmed: bool = False) -> int | None:
    return room_seconds(server.call, "ns", server.facts, trimmed=trimmed)


def test_the_room_is_what_is_free_by_the_bytes_that_come_in_a_second() -> None:
    assert seconds(FakeServer(limit=1_000_000, used=900_000, interval=10)) == 10  # 100 entries of 100 bytes a second


def test_a_server_without_a_limit_has_room_for_ever_and_is_asked_nothing_more() -> None:
    server = FakeServer(limit=0)
    assert seconds(server) is None
    assert server.asked == ["INFO"]


def test_full_memory_has_no_room() -> None:
    assert seconds(FakeServer(limit=10, used=11)) == 0


def test_without_entries_nothing_grows() -> None:
    assert room_seconds(FakeServer(limit=10).call, "ns", None, trimmed=False) is None
    assert room_seconds(FakeServer(limit=10).call, "ns", LogFacts(0, 7, None, "1-0"), trimmed=False) is None


def test_a_log_that_is_trimmed_grows_only_by_what_comes_above_its_average() -> None:
    server = FakeServer(limit=1_000_000, interval=10, length=5000, age=50_000)
    assert seconds(server, trimmed=False) == 100
    assert seconds(server, trimmed=True) is None
    server.age = 100_000  # 50 a second on the average
    assert seconds(server, trimmed=True) == 200


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (0, "is full"),
        (7199, "for 119 min"),
        (7200, "for 2 hours"),
        (172_799, "for 47 hours"),
        (172_800, "for 2 days"),
    ],
)
def test_the_room_in_words(left: int, words: str) -> None:
    assert words in room_in_words(left)


class TestRoomWatch:
    def test_it_warns_once_and_says_when_there_is_room_again(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, logger="projector")
        server, now = FakeServer(limit=1_000_000, used=900_000), [0.0]
        watch = RoomWatch("ns", lambda: now[0])
        for used, said in ((900_000, 1), (900_001, 1), (-10_000_000_000, 2), (-10_000_000_000, 2), (999_999, 3)):
            server.used = used
            watch.look(server.call, trims=False)
            assert len(caplog.messages) == said
            server.used = 0
            watch.look(server.call, trims=False)  # not yet time to look again
            now[0] += 100
        assert caplog.messages[0].startswith("the memory lasts for 0 min at this rate: raise maxmemory")
        assert caplog.messages[1] == "the memory lasts for more than a day again"

    def test_an_account_that_may_not_ask_is_left_in_peace(self, caplog: pytest.LogCaptureFixture) -> None:
        def refuse(*_: Any) -> Any:
            raise ServerRefused("no permissions")

        RoomWatch("ns").look(refuse, trims=False)
        assert caplog.messages == []
