"""Commands that read as processes on a terminal of 60 columns, about texts that would command it."""

from __future__ import annotations

import os
import secrets
import select
import signal
import subprocess
import termios
import time

import pytest
from rich.cells import cell_len

from tests.support import hostile
from tests.support.commands import PROJECTOR, environment
from tests.support.projection import Log, completed
from tests.support.servers import Server

pytestmark = pytest.mark.server

WIDTH = 60


@pytest.fixture(scope="module")
def filled(shared_server: Server) -> Log:
    log = Log(shared_server.client(), shared_server.url, f"t{secrets.token_hex(6)}")
    hostile.fill(log, at=int(time.time() * 1000) - 100_000)
    return log


class Reading:
    """A command whose stdout is a terminal of 60 columns, or a pipe, and what it has shown there."""

    def __init__(self, log: Log, *words: str, is_terminal: bool) -> None:
        self._from, to = os.openpty() if is_terminal else os.pipe()
        if is_terminal:
            termios.tcsetwinsize(to, (24, WIDTH))
        command = [*PROJECTOR, *words, "--url", log.url, "--namespace", log.namespace]
        env, stdin = environment(TERM="xterm-256color"), to if is_terminal else subprocess.DEVNULL
        self.program = subprocess.Popen(command, stdin=stdin, stdout=to, env=env)
        os.close(to)
        self._raw = b""

    @property
    def shown(self) -> str:
        return self._raw.decode(errors="replace").replace("\r\n", "\n")

    def read(self, until: str = "") -> None:
        """Until that was shown; without it, until the end."""
        deadline = time.monotonic() + 60
        while not (until and until in self.shown):
            assert time.monotonic() < deadline, self.shown
            if select.select([self._from], [], [], 0.1)[0]:
                try:
                    more = os.read(self._from, 65536)
                except OSError:  # of a terminal that no process has open any more
                    more = b""
                if not more:
                    break
                self._raw += more

    def ended(self) -> int:
        self.read()
        os.close(self._from)
        return self.program.wait(60)


def check(shown: str, *, is_terminal: bool) -> None:
    assert "\\x1b" in shown
    assert hostile.obeyed(shown, coloured=is_terminal) == []
    if is_terminal:
        assert [line for line in shown.splitlines() if cell_len(hostile.uncoloured(line)) > WIDTH] == []


@pytest.mark.parametrize("words", ["stats", "recent --grep err", "failures --grouped", "in-flight", "log", "status"])
def test_a_command_takes_the_width_of_its_terminal_and_does_not_command_it(filled: Log, words: str) -> None:
    reading = Reading(filled, *words.split(), is_terminal=True)
    assert reading.ended() == 0
    check(reading.shown, is_terminal=True)


@pytest.mark.parametrize("is_terminal", [True, False], ids=["terminal", "pipe"])
def test_tail_shows_what_comes_live_and_does_not_command_its_terminal(filled: Log, is_terminal: bool) -> None:
    tail = Reading(filled, "tail", is_terminal=is_terminal)
    tail.read(until="unreadable")
    for name in (hostile.LONG, hostile.ACTION, "the-last"):
        filled.add(completed(name, False, error=hostile.ERROR, labels=hostile.LABELS))
    tail.read(until="the-last")
    tail.program.send_signal(signal.SIGINT)
    assert tail.ended() in (130, -signal.SIGINT)
    check(tail.shown, is_terminal=is_terminal)
