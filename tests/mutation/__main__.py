"""`python -m tests.mutation [WORD…]`: exit status 1 unless each guard, taken out, is missed by its tests.

The words choose guards; without any, all are taken out in turn.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.mutation.copied import ROOT, Copied, Ran, warm_up
from tests.mutation.mutant import Mutant
from tests.mutation.mutants import MUTANTS, ORDINARY

_AT_ONCE = 3
_LONGEST = 600
"""Seconds after which one run should have ended: each test has its own limit; this is for a slow machine."""
_KILLED = "killed"


def main(words: list[str]) -> int:
    chosen = [mutant for mutant in MUTANTS if not words or any(word in mutant.guard for word in words)]
    if not chosen:
        print("no such guard; there are: " + ", ".join(mutant.guard for mutant in MUTANTS))
        return 2
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutation-") as directory:
        warm_up()
        original = Copied.of_the_tree(Path(directory) / "untouched")
        original.begin(sorted({ORDINARY} | {test for mutant in chosen for test in mutant.tests}))
        untouched = original.ended(_wait()[1])
        if not untouched.passed:
            print(f"the tests fail on a copy that nobody mutated, which proves nothing:\n{untouched.text}")
            return 1
        verdicts = _verdicts(chosen, original, Path(directory))
    for mutant in chosen:
        print(f"{verdicts[mutant.guard]:8} without {mutant.guard}")
    killed = list(verdicts.values()).count(_KILLED)
    print(f"{killed} of {len(chosen)} mutants killed in {time.monotonic() - began:.0f} s")
    return 0 if killed == len(chosen) else 1


def _verdicts(chosen: list[Mutant], original: Copied, directory: Path) -> dict[str, str]:
    verdicts: dict[str, str] = {}
    running: dict[int, tuple[Mutant, Copied]] = {}
    waiting = chosen[::-1]
    while waiting or running:
        while waiting and len(running) < _AT_ONCE:
            mutant = waiting.pop()
            copied = original.again(directory / mutant.guard.replace(" ", "-"))
            copied.write(mutant.file, mutant.mutated(ROOT))
            running[copied.begin([ORDINARY, *mutant.tests])] = mutant, copied
        pid, status = _wait()
        mutant, copied = running.pop(pid)
        verdicts[mutant.guard] = _verdict(copied.ended(status))
        shutil.rmtree(copied.root)
    return verdicts


def _wait() -> tuple[int, int]:
    """For a run to end; if none ever does, SIGALRM ends this process, and with it all runs."""
    signal.alarm(_LONGEST)
    ended = os.wait()
    signal.alarm(0)
    return ended


def _verdict(ran: Ran) -> str:
    if f"PASSED {ORDINARY}" not in ran.text or f"FAILED {ORDINARY}" in ran.text:
        return f"BROKEN by more than the loss of its guard:\n{ran.text}\n"
    if ran.failed:
        return _KILLED
    return "SURVIVED" if ran.passed else f"UNTESTED, since pytest ended with {ran.status}:\n{ran.text}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
