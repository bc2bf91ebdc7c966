"""Run a program that does not outlive the process that started it, even if SIGKILL ends the starter.

    python tether.py <the starter's pid> <program> [arguments …]

On Linux the kernel signals the program when the parent dies: this process asks for that (the request survives exec)
and becomes the program. Elsewhere it stays beside the program and watches the parent. It is a program of its
own because Python code between fork and exec (`preexec_fn`) can deadlock a process with threads.

The signal is SIGTERM, so that a server writes its data out. On Linux it comes when the *thread* that started the
program ends: start it from a thread that lives as long as the program shall.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1
_WATCH_SECONDS = 0.2
_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def tethered(command: Sequence[str | os.PathLike[str]]) -> list[str]:
    """The command line by which this very process starts `command` with `subprocess`."""
    # -I -S: nothing but the standard library, so that the start takes 15 ms longer and not 100.
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *(os.fspath(part) for part in command)]


def become(parent: int, command: Sequence[str]) -> None:
    """Linux: become `command`, which the kernel terminates when the parent dies."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # the parent died before the request
        sys.exit(128 + signal.SIGTERM)
    os.execvp(command[0], list(command))


def guard(parent: int, command: Sequence[str]) -> int:
    """Elsewhere: run `command`, pass signals on to it, terminate it when the parent dies; returns its exit status."""
    child = subprocess.Popen(command, close_fds=False)
    for passed_on in _PASSED_ON:
        signal.signal(passed_on, lambda signum, _frame: child.send_signal(signum))
    while True:
        try:
            status = child.wait(_WATCH_SECONDS)
        except subprocess.TimeoutExpired:
            if os.getppid() != parent:
                child.terminate()
        else:
            return status if status >= 0 else 128 - status


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        become(parent, command)
    sys.exit(guard(parent, command))


if __name__ == "__main__":
    main()
