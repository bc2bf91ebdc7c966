"""Run a program that does not outlive the process which started it, however that one ends (SIGKILL included).

    python tether.py <the starter's pid> <program> [arguments …]

On Linux the kernel does it: the wish to be signalled when the parent dies survives exec, so this process becomes the
program. Elsewhere it stays as a guard beside the program and watches the parent. It is a program of its own because
the wish must be made between fork and exec, and Python code there (`preexec_fn`) can deadlock a process with threads.

The signal is SIGTERM, not SIGKILL, so that a server writes out what it holds. On Linux it comes with the end of the
*thread* that started the program: start it from one that lives as long as the program shall.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType

__all__ = ["tethered"]

_PR_SET_PDEATHSIG = 1
_WATCH_SECONDS = 0.2
_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def tethered(command: Sequence[str | os.PathLike[str]]) -> list[str]:
    """`command` as it is to be started, with `subprocess`, by this very process."""
    # -I -S: nothing but the standard library, so that this costs some 15 ms.
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *(os.fspath(part) for part in command)]


def become(parent: int, command: Sequence[str]) -> None:
    """Linux: turn into `command`, to be terminated by the kernel when the parent dies."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it died before the wish was made
        sys.exit(128 + signal.SIGTERM)
    os.execvp(command[0], list(command))


def guard(parent: int, command: Sequence[str]) -> int:
    """Elsewhere: run `command`, passing signals on, and terminate it when the parent dies. Its exit status."""
    child = subprocess.Popen(command, close_fds=False)

    def pass_on(signum: int, _frame: FrameType | None) -> None:
        child.send_signal(signum)

    for signum in _PASSED_ON:
        signal.signal(signum, pass_on)
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
    try:
        if sys.platform == "linux":
            become(parent, command)
        sys.exit(guard(parent, command))
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(127 if isinstance(error, FileNotFoundError) else 126)


if __name__ == "__main__":
    main()
