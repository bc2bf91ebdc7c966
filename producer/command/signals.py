"""The signals of a process that runs a child: which are for the child, and which it has already."""

import os
import signal
import sys
from dataclasses import dataclass

_OURS = {
    # They cannot be held.
    *(signal.SIGKILL, signal.SIGSTOP),
    # With these the terminal stops a reader or writer in the background, who may be us.
    *(signal.SIGTTIN, signal.SIGTTOU),
    # These are about our own instructions.
    *(signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP, signal.SIGSYS),
    # These are about our own writing.
    *(signal.SIGPIPE, signal.SIGXFSZ),
}
_IGNORED_BY_DEFAULT = {signal.SIGCHLD, signal.SIGCONT, signal.SIGWINCH, signal.SIGURG}
_FROM_TERMINALS = {signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGWINCH, signal.SIGHUP}
_ENDING = {signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP}
_SI_KERNEL = 0x80
_LOOK_SECONDS = 1.0
"""A thread that is older than `hold_signals` may take SIGCHLD, so the caller looks at the child now and then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldSignals:
    """The signals that are blocked until `receive`, and the mask from before, which the child gets."""

    numbers: frozenset[int]
    mask_before: frozenset[int]

    def receive(self, child: int) -> tuple[int, bool]:
        """(the next signal, whether to pass it on to the child, which neither has it already nor sent it).

        A terminal sends its signals to the whole foreground process group, the child in it. The kernel marks those,
        so they can be told from a `kill` that means us alone, and one Ctrl-C does not interrupt the child twice.
        (Who kills a whole group by hand leaves no such mark: then the child has the signal twice.)
        """
        if sys.platform == "linux":
            sent = signal.sigtimedwait(self.numbers, _LOOK_SECONDS)
            if sent is None:
                return signal.SIGCHLD, False
            from_terminal = sent.si_code == _SI_KERNEL and sent.si_signo in _FROM_TERMINALS
            from_child = sent.si_pid == child  # `kill -USR1 $PPID` is a word to us, not an order to itself
            number = sent.si_signo
        else:
            # macOS tells no sender: what a terminal could have sent is taken for that, while there is one.
            number = signal.sigwait(self.numbers)
            from_terminal = number in _FROM_TERMINALS and _in_foreground()
            from_child = False
        if from_terminal and number == signal.SIGHUP and os.getsid(0) == os.getpid():
            from_terminal = False  # of a terminal that goes away, only the leader of its session is told
        return number, not from_terminal and not from_child

    def is_asked_to_end(self) -> bool:
        """Whether a signal has come that would have ended us."""
        return any(signal.getsignal(number) != signal.SIG_IGN for number in signal.sigpending() & _ENDING)

    def stop_as_asked(self) -> None:
        """Do what SIGTSTP would have done were it not held, so that the shell sees its job stopped; until SIGCONT."""
        signal.raise_signal(signal.SIGTSTP)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTSTP})
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})


def hold_signals() -> HeldSignals:
    """Hold signals back from here to the end of the process. Call it in the main thread, before there is another.

    Blocked and waited for, rather than caught by handlers: none is lost between fork and exec, none ends us before
    the child's end is recorded, and the kernel tells where each came from. What we were told to ignore (nohup), the
    child was too, unless it decides otherwise: so that is passed on as well.
    """
    numbers = signal.valid_signals() - _OURS
    mask_before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    for number in _IGNORED_BY_DEFAULT:
        # Some systems drop what is ignored by default even while it is blocked, though not where there is a handler.
        # For SIGCHLD it also undoes an inherited SIG_IGN, under which a child leaves no exit status.
        signal.signal(number, lambda _number, _frame: None)  # never called, because the signal is blocked
    return HeldSignals(numbers=frozenset(numbers), mask_before=frozenset(mask_before))


def _in_foreground() -> bool:
    try:
        with open("/dev/tty", "rb", buffering=0) as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False
