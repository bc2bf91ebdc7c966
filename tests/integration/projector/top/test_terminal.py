"""`projector top` on a real terminal (a pty): however it ends, the terminal is as it was before."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.commands import PROJECTOR, environment, projector
from tests.support.extras import lack_of
from tests.support.servers import Server

pytestmark = pytest.mark.server

_ENTERED, _LEFT, _CURSOR = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25h"
_MOUSE_OFF = b"\x1b[?1003l"


class Terminal:
    """A program on a terminal of 24 lines of 80 columns; `shown` has all that it wrote."""

    def __init__(self, *command: str, **more: str) -> None:
        self._ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, 80))
        self._before = termios.tcgetattr(theirs)
        self._theirs = theirs
        self.shown = b""
        self._seen = 0
        self.program = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment(TERM="xterm-256color", **more),
            start_new_session=True,
        )

    def type(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def read_until(self, condition: Callable[[], object], *, seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.shown[-3000:].decode(errors="replace")
            if select.select([self._ours], [], [], 0.05)[0]:
                self.shown += os.read(self._ours, 65536)

    def wait_for(self, text: str) -> None:
        """Until it has shown `text` since the last call."""
        self.read_until(lambda: text.encode() in self.shown[self._seen :])
        self._seen = len(self.shown)

    def ended(self) -> int:
        """The exit status, once it has ended, and all that it wrote was read."""
        self.read_until(lambda: self.program.poll() is not None)
        while select.select([self._ours], [], [], 0.1)[0]:
            self.shown += os.read(self._ours, 65536)
        status: int = self.program.returncode
        return status

    def is_restored(self) -> bool:
        """The first screen, the cursor, no mouse, and the line discipline of before."""
        last = self.shown.rindex
        modes = last(_LEFT) > last(_ENTERED) and last(_CURSOR) > last(b"\x1b[?25l") and _MOUSE_OFF in self.shown
        return modes and termios.tcgetattr(self._theirs) == self._before

    def after(self) -> str:
        """What stands on the first screen."""
        return self.shown.rpartition(_LEFT)[2].decode()

    def close(self) -> None:
        if self.program.poll() is None:
            self.program.kill()
        self.program.wait(30)
        os.close(self._ours)
        os.close(self._theirs)


Start = Callable[..., Terminal]


@pytest.fixture
def start() -> Iterator[Start]:
    terminals: list[Terminal] = []

    def started(*command: str) -> Terminal:
        terminals.append(Terminal(*command))
        return terminals[-1]

    yield started
    for terminal in terminals:
        terminal.close()


def top(start: Start, server: Server, namespace: str) -> Terminal:
    """`top`, which has shown a sample."""
    terminal = start(*PROJECTOR, "top", "--url", server.url, "--namespace", namespace)
    terminal.wait_for("entries/s")
    return terminal


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda terminal: terminal.type(b"q"), 0),
        (lambda terminal: terminal.type(b"\x03"), 130),
        (lambda terminal: terminal.program.send_signal(signal.SIGINT), 130),
        (lambda terminal: terminal.program.send_signal(signal.SIGTERM), 143),
        (lambda terminal: terminal.program.send_signal(signal.SIGHUP), 129),
    ],
    ids=["q", "Ctrl-C", "SIGINT", "SIGTERM", "SIGHUP"],
)
def test_however_it_is_ended_the_terminal_is_as_before_and_nothing_is_said(
    start: Start, shared_server: Server, namespace: str, end: Callable[[Any], None], status: int
) -> None:
    terminal = top(start, shared_server, namespace)
    end(terminal)
    assert terminal.ended() == status
    assert terminal.is_restored()
    assert "Traceback" not in terminal.after()


def test_a_server_that_dies_is_told_and_waited_for_and_q_still_ends_it(
    start: Start, own_server: Server, namespace: str
) -> None:
    terminal = top(start, own_server, namespace)
    own_server.kill()
    terminal.wait_for("trying again")
    own_server.start()
    terminal.wait_for("nothing waits")
    own_server.kill()
    terminal.wait_for("trying again")
    terminal.type(b"q")
    assert terminal.ended() == 0
    assert terminal.is_restored()


def test_a_server_that_hangs_does_not_hold_the_end_up(start: Start, own_server: Server, namespace: str) -> None:
    terminal = top(start, own_server, namespace)
    os.kill(own_server.pid, signal.SIGSTOP)
    terminal.wait_for("trying again")
    terminal.type(b"q")
    assert terminal.ended() == 0
    assert terminal.is_restored()


@pytest.mark.parametrize("broken", ["app.Top.action_quit", "app.Sampler.take"], ids=["of a key", "of the reading"])
def test_a_bug_ends_it_as_any_command_and_shows_no_password(
    start: Start, shared_server: Server, namespace: str, broken: str
) -> None:
    program = (
        "from projector.cli.top import app\n"
        "def fails(self):\n"
        "    secret = 'redis://:hunter2@localhost'\n"
        "    raise ValueError(f'no such order at {secret}')\n"
        f"{broken} = fails\n"
        "from projector.cli import main\n"
        "main()"
    )
    address = ("--url", shared_server.url, "--namespace", namespace)
    terminal = start(sys.executable, "-c", program, "top", *address)
    terminal.read_until(lambda: b"Pause" in terminal.shown or terminal.program.poll() is not None)
    terminal.type(b"q")
    assert terminal.ended() == os.EX_SOFTWARE
    assert terminal.is_restored()
    assert "please report it" in terminal.after()
    assert "hunter2" not in terminal.after()


def test_without_a_terminal_it_says_what_there_is_for_programs() -> None:
    ended = projector("top")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "projector: top: expected a terminal (for a program there is: projector stats --json), "
        "found 'a pipe or a file'\n"
    )


def test_without_its_package_it_says_how_to_install_it(start: Start) -> None:
    absent = "import sys; sys.modules['textual'] = None\n"
    terminal = start(sys.executable, "-c", f"{absent}from projector.cli import main; main()", "top")
    assert terminal.ended() == 1
    assert lack_of("textual", "top") in " ".join(terminal.shown.decode().split())
