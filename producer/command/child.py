"""Runs a command as a child: passes its output and our signals on, and tells how it ended."""

import contextlib
import errno
import os
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from producer.command.output import Output
from producer.command.signals import HeldSignals
from producer.text.redaction import Redact

NOT_FOUND = 127
NOT_EXECUTABLE = 126


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended: `status` as a shell tells it, `error` None for success, `ended_at` in epoch ms.

    `ran` is False if the command could not be started. `output` is the end of stdout and stderr together.
    """

    status: int
    error: str | None
    ran: bool
    output: str | None
    duration_ms: float
    ended_at: int


def run(
    command: Sequence[str],
    signals: HeldSignals,
    *,
    keep: int | None,
    redact: Redact | None = None,
    variables: Mapping[str, str] | None = None,
) -> Ended:
    """Run `command` to its end and keep the last `keep` bytes of its output; None gives it our stdout and stderr.

    Its environment is ours and `variables`.
    """
    began = time.monotonic()
    early = set(signal.sigpending())
    output = Output(keep=keep, redact=redact)
    try:
        child = _spawn(command, signals, output, {**os.environ, **(variables or {})})
    except OSError as problem:
        ran, (status, error) = False, _refusal(command[0], problem)
    else:
        ran, (status, error) = True, _outcome(_wait(child, signals, early))
    duration_ms = (time.monotonic() - began) * 1000
    ended_at = int(time.time() * 1000)
    output.finish(hurry=signals.is_asked_to_end)
    if error and (trouble := output.trouble()):
        error = f"{error} (its output could not be written: {trouble})"
    return Ended(
        status=status, error=error, ran=ran, output=output.text(), duration_ms=duration_ms, ended_at=ended_at
    )


def occupy_standard_descriptors() -> None:
    """If stdin, stdout or stderr is closed, open a descriptor in its place that fails like a closed one.

    Otherwise a pipe or the connection to Redis would get its number and pass for it.
    """
    for descriptor, wrong_way in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_RDONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            # open takes the lowest free number, which is this one. Its mode makes every use of it fail.
            os.set_inheritable(os.open(os.devnull, wrong_way), True)


def _spawn(command: Sequence[str], signals: HeldSignals, output: Output, environment: Mapping[str, str]) -> int:
    try:
        if not command[0]:  # posix_spawnp would call it a ValueError
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        # Unlike fork with a preexec_fn, this runs no Python in the child while other threads hold locks. Descriptors
        # that our caller left open for the child stay open.
        return os.posix_spawnp(
            command[0],
            list(command),
            environment,
            file_actions=output.file_actions(),
            setsigmask=signals.mask_before,
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],  # Python ignores them
        )
    finally:
        output.child_has_it()


def _wait(child: int, signals: HeldSignals, early: set[int]) -> int:
    """The child's wait status. Until then it gets our signals, and those of `early`, which came before its start."""
    while True:
        # One thread both waits and signals: no signal can go to a pid that is no longer the child's.
        number, for_child = signals.receive(child)
        if number == signal.SIGCHLD:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                return status
            continue
        if for_child or number in early:
            early.discard(number)
            with contextlib.suppress(PermissionError):  # a child that became root
                os.kill(child, number)
        if number == signal.SIGTSTP:
            signals.stop_as_asked()


def _outcome(wait_status: int) -> tuple[int, str | None]:
    """(exit status, error) of a child that ran."""
    code = os.waitstatus_to_exitcode(wait_status)
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"  # a real-time signal
        return 128 - code, f"killed by {name}"
    return code, f"exit status {code}" if code else None


def _refusal(name: str, problem: OSError) -> tuple[int, str | None]:
    """(exit status, error) of a command that could not be started."""
    if problem.errno in (errno.ENOENT, errno.ENOTDIR):
        if shutil.which(name) is None:
            return NOT_FOUND, f"command not found: {name or repr(name)}"
        return NOT_EXECUTABLE, f"interpreter not found: {name}"
    if os.path.isdir(name):
        return NOT_EXECUTABLE, f"is a directory: {name}"
    reason = problem.strerror or type(problem).__name__
    return NOT_EXECUTABLE, f"{reason[:1].lower()}{reason[1:]}: {name}"
