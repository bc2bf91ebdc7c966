"""A command run as a child: how it ended, what it wrote, what it was given."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import stat
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from producer.command.child import Ended, run
from producer.command.output import GRACE_SECONDS, Tail
from producer.command.signals import HeldSignals, hold_signals

pytestmark = pytest.mark.alone  # held signals would go to a thread of pytest-xdist's, and no child's end be noticed

LIMIT = 100


@pytest.fixture
def signals() -> Iterator[HeldSignals]:
    """Signals held for this test only."""
    handlers = [(number, signal.getsignal(number)) for number in signal.valid_signals()]
    held = hold_signals()
    try:
        yield held
    finally:
        while signal.sigtimedwait(held.numbers, 0) is not None:
            pass
        for number, handler in handlers:
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, held.mask_before)


def shell(script: str, signals: HeldSignals, *, keep: int | None = LIMIT) -> Ended:
    return run(["sh", "-c", script], signals, keep=keep)


@pytest.mark.parametrize(
    ("script", "status", "error"),
    [
        ("exit 0", 0, None),
        ("exit 3", 3, "exit status 3"),
        ("exit 255", 255, "exit status 255"),
        ("kill -KILL $$", 137, "killed by SIGKILL"),
        ("kill -TERM $$", 143, "killed by SIGTERM"),
        (f"kill -{signal.SIGRTMIN + 3} $$", 128 + signal.SIGRTMIN + 3, f"killed by signal {signal.SIGRTMIN + 3}"),
    ],
)
def test_the_status_is_as_a_shell_tells_it(signals: HeldSignals, script: str, status: int, error: str | None) -> None:
    ended = shell(script, signals)
    assert (ended.status, ended.error, ended.ran) == (status, error, True)


def test_a_command_that_does_not_exist(signals: HeldSignals) -> None:
    ended = run(["no-such-command", "x"], signals, keep=LIMIT)
    assert (ended.status, ended.error, ended.ran) == (127, "command not found: no-such-command", False)
    assert ended.output is None


def test_an_empty_command_is_not_found(signals: HeldSignals) -> None:
    ended = run([""], signals, keep=LIMIT)
    assert (ended.status, ended.error, ended.ran) == (127, "command not found: ''", False)


def test_a_directory_is_not_executable(signals: HeldSignals, tmp_path: Path) -> None:
    ended = run([str(tmp_path)], signals, keep=LIMIT)
    assert (ended.status, ended.error, ended.ran) == (126, f"is a directory: {tmp_path}", False)


@pytest.mark.parametrize(
    ("mode", "content", "error"),
    [
        (0o600, "#!/bin/sh\n", "permission denied"),
        (0o700, "neither a script nor a program", "exec format error"),
        (0o700, "#!/no/such/interpreter\n", "interpreter not found"),
    ],
)
def test_a_file_that_cannot_be_executed(
    signals: HeldSignals, tmp_path: Path, mode: int, content: str, error: str
) -> None:
    program = tmp_path / "program"
    program.write_text(content)
    program.chmod(mode)
    ended = run([str(program)], signals, keep=LIMIT)
    assert (ended.status, ended.error, ended.ran) == (126, f"{error}: {program}", False)


def test_output_is_passed_on_each_stream_to_its_own_and_its_tail_kept(
    signals: HeldSignals, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    ended = shell(r"printf 'out\0\377\n'; printf 'err\n' >&2", signals)
    assert capfdbinary.readouterr() == (b"out\0\xff\n", b"err\n")
    assert ended.output is not None
    assert sorted(ended.output.splitlines()) == ["err", "out\0\ufffd"]


def test_two_streams_that_lead_to_one_place_keep_their_order() -> None:
    """As on a terminal: what was written first is read first, whichever stream it went to."""
    lines = "".join(f"echo out{i}; echo err{i} >&2; " for i in range(200))
    done = subprocess.run(
        [sys.executable, "-c", RUN_SHELL, lines], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True
    )
    assert done.stdout.decode().split() == [f"{stream}{i}" for i in range(200) for stream in ("out", "err")]


def test_without_output_kept_the_child_has_our_own_descriptors(signals: HeldSignals, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    program = "import os, sys; open(sys.argv[1], 'w').write(repr([os.fstat(fd)[1:3] for fd in (0, 1, 2)]))"
    ended = run([sys.executable, "-c", program, str(seen)], signals, keep=None)
    assert ended.status == 0
    assert ended.output is None
    assert seen.read_text() == repr([os.fstat(descriptor)[1:3] for descriptor in (0, 1, 2)])


def test_a_descriptor_left_open_for_the_child_stays_open(
    signals: HeldSignals, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """`producer run … 3<file`, a make jobserver, a socket of systemd's."""
    (tmp_path / "file").write_text("from the third")
    with (tmp_path / "file").open() as file:
        os.set_inheritable(file.fileno(), True)
        assert shell(f"cat /dev/fd/{file.fileno()}", signals).status == 0
    assert capfdbinary.readouterr().out == b"from the third"


def test_the_child_gets_its_signal_mask_back(signals: HeldSignals) -> None:
    program = "import signal, sys; sys.exit(len(signal.pthread_sigmask(signal.SIG_BLOCK, [])))"
    assert run([sys.executable, "-c", program], signals, keep=LIMIT).status == len(signals.mask_before)


def test_the_child_dies_of_a_broken_pipe_though_we_do_not(signals: HeldSignals) -> None:
    """Python ignores SIGPIPE, and what is ignored would be inherited."""
    assert shell("kill -PIPE $$", signals).status == 128 + signal.SIGPIPE


def test_an_interrupt_typed_before_the_child_was_there_is_passed_on() -> None:
    """While the start is being recorded: the terminal could not send it to a child that was not there."""
    program = """
import signal
from producer.command.child import run
from producer.command.signals import hold_signals
signals = hold_signals()
print("held", flush=True)
while signal.SIGINT not in signal.sigpending():
    pass
print(run(["sleep", "60"], signals, keep=None).error, flush=True)
"""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=theirs,
        stdout=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    with process, os.fdopen(ours, "r+b", buffering=0) as screen:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        screen.write(b"\x03")
        assert process.stdout.readline() == b"killed by SIGINT\n"


def test_a_signal_that_the_child_sends_us_does_not_come_back_to_it() -> None:
    """It tells us something (`kill -USR1 $PPID`: ready); without a handler its own signal would kill it.

    In a process of its own: another thread, as xdist has one, may get the signal before we wait for it.
    """
    script = "kill -USR1 $PPID; kill -USR2 $PPID"
    assert subprocess.run([sys.executable, "-c", RUN_SHELL, script], check=False).returncode == 0


def test_a_daemon_left_behind_with_the_pipe_does_not_hold_us_up(signals: HeldSignals, tmp_path: Path) -> None:
    ended = shell(f"sleep 60 & echo $! > {tmp_path}/pid; echo last words", signals)
    daemon = int((tmp_path / "pid").read_text())
    try:
        os.kill(daemon, 0)  # it lives: we did not wait for it
        assert (ended.status, ended.output) == (0, "last words\n")
        assert GRACE_SECONDS < 1
    finally:
        os.kill(daemon, signal.SIGKILL)


@contextlib.contextmanager
def to_nowhere() -> Iterator[None]:
    """Our stdout thrown away: pytest would keep a gigabyte of it."""
    stdout = os.dup(1)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        yield
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)


def test_a_daemon_that_writes_without_end_does_not_hold_us_up(signals: HeldSignals, tmp_path: Path) -> None:
    with to_nowhere():
        ended = shell(f"yes & echo $! > {tmp_path}/pid", signals)
    assert ended.status == 0  # and here we are, though it was never told to end
    with contextlib.suppress(ProcessLookupError):  # of its broken pipe it may be dead already
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_output_from_just_after_the_end_of_the_child_is_not_lost(
    signals: HeldSignals, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """As with `exec > >(tee log)`: a helper that ends a moment after its master."""
    shell("(until ! kill -0 $$; do :; done; echo late) 2>/dev/null & exit 0", signals)
    assert capfdbinary.readouterr().out == b"late\n"


def test_no_descriptor_and_no_thread_is_left_behind(signals: HeldSignals) -> None:
    shell("echo warm", signals)
    before = sorted(os.listdir("/proc/self/fd")), threading.active_count()
    for script in ("echo x; echo y >&2", "exit 3", "kill -KILL $$"):
        shell(script, signals)
    run(["no-such-command"], signals, keep=LIMIT)
    assert (sorted(os.listdir("/proc/self/fd")), threading.active_count()) == before


def test_an_inherited_disregard_for_children_does_not_lose_their_status() -> None:
    """With SIGCHLD ignored the kernel keeps no exit status."""
    program = f"import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n{RUN_SHELL}"
    assert subprocess.run([sys.executable, "-c", program, "exit 7"], check=False).returncode == 7


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_with_standard_descriptors_closed_the_command_runs_all_the_same(closed: str) -> None:
    script = f'"$0" -c "$1" "exit 5" {closed}'
    done = subprocess.run(["sh", "-c", script, sys.executable, RUN_SHELL], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (5, b"", b"")


def test_a_closed_stdin_is_closed_for_the_child_too() -> None:
    script = '"$0" -c "$1" "cat" <&-'
    done = subprocess.run(["sh", "-c", script, sys.executable, RUN_SHELL], capture_output=True, check=False)
    assert done.returncode == 1
    assert b"Bad file descriptor" in done.stderr


def test_output_that_cannot_be_written_is_said_in_the_error() -> None:
    """A full disk: the child gets SIGPIPE, which alone would mislead."""
    program = RUN_SHELL.replace("sys.exit", "print(ended.error, file=sys.stderr); sys.exit")
    with open("/dev/full", "wb") as full:
        assert stat.S_ISCHR(os.fstat(full.fileno()).st_mode)
        done = subprocess.run(
            [sys.executable, "-c", program, "exec yes"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 128 + signal.SIGPIPE
    assert done.stderr.decode() == "killed by SIGPIPE (its output could not be written: No space left on device)\n"


class TestTail:
    def test_keeps_all_that_fits(self) -> None:
        tail = Tail(10)
        tail.append(b"01234")
        tail.append(b"56789")
        assert tail.text() == "0123456789"

    def test_keeps_the_end_and_says_how_much_went(self) -> None:
        tail = Tail(40)
        for _ in range(1000):
            tail.append(b"0123456789")
        marked = re.fullmatch(r"\[(\d+) bytes cut\] ([0-9]+9)", tail.text())
        assert marked is not None
        assert int(marked[1]) + len(marked[2]) == 10_000
        assert 35 < len(tail.text()) <= 40

    def test_holds_no_more_than_it_has_to(self) -> None:
        tail = Tail(1000)
        for _ in range(100):
            tail.append(b"x" * 5000)
            assert len(tail._kept) <= 2000

    def test_cuts_on_a_character(self) -> None:
        tail = Tail(30)
        tail.append("é".encode() * 100)
        text = tail.text()
        assert text.startswith("[")
        assert text.endswith("é")
        assert "\ufffd" not in text


RUN_SHELL = """
import sys
from producer.command.child import occupy_standard_descriptors, run
from producer.command.signals import hold_signals
occupy_standard_descriptors()
ended = run(["sh", "-c", sys.argv[1]], hold_signals(), keep=100)
sys.exit(ended.status)
"""


def test_the_end_of_a_child_is_noticed_though_an_older_thread_took_the_signal() -> None:
    program = """
import os, threading
from producer.command import child
from producer.command.signals import hold_signals
threading.Thread(target=threading.Event().wait, daemon=True).start()
signals = hold_signals()
pid = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 3"], {})
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
os._exit(os.waitstatus_to_exitcode(child._wait(pid, signals, set())))
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 3


def test_the_command_has_our_environment_and_the_variables_that_it_is_given(
    signals: HeldSignals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OURS", "1")
    monkeypatch.setenv("BOTH", "ours")
    script = "echo $OURS $BOTH $MORE"
    ended = run(["sh", "-c", script], signals, keep=LIMIT, variables={"BOTH": "given", "MORE": "\udcff"})
    assert ended.output == "1 given \ufffd\n"
