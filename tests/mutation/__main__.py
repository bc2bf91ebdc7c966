"""`python -m tests.mutation [WORD…]`: exit status 1 unless each guard, taken out, is missed by its tests.

The words choose guards; without any, all are taken out in turn.
"""

from __future__ import annotations

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutation.copied import ROOT, Copied
from tests.mutation.mutant import Mutant
from tests.mutation.mutants import MUTANTS, ORDINARY

_AT_ONCE = 3
_KILLED = "killed"


def main(words: list[str]) -> int:
    chosen = [mutant for mutant in MUTANTS if not words or any(word in mutant.guard for word in words)]
    if not chosen:
        print("no such guard; there are: " + ", ".join(mutant.guard for mutant in MUTANTS))
        return 2
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutation-") as directory:
        tests = sorted({ORDINARY} | {test for mutant in chosen for test in mutant.tests})
        untouched = Copied(Path(directory) / "untouched").run(tests)
        if not untouched.passed:
            print(f"the tests fail on a copy that nobody mutated, which proves nothing:\n{untouched.text}")
            return 1
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            verdicts = list(pool.map(lambda mutant: _verdict(mutant, Path(directory)), chosen))
    for mutant, verdict in zip(chosen, verdicts, strict=True):
        print(f"{verdict:8} without {mutant.guard}")
    killed = verdicts.count(_KILLED)
    print(f"{killed} of {len(chosen)} mutants killed in {time.monotonic() - began:.0f} s")
    return 0 if killed == len(chosen) else 1


def _verdict(mutant: Mutant, directory: Path) -> str:
    copied = Copied(directory / mutant.guard.replace(" ", "-"))
    copied.write(mutant.file, mutant.mutated(ROOT))
    ran = copied.run([ORDINARY, *mutant.tests])
    if f"PASSED {ORDINARY}" not in ran.text or f"FAILED {ORDINARY}" in ran.text:
        return f"BROKEN by more than the loss of its guard:\n{ran.text}\n"
    if ran.failed:
        return _KILLED
    return "SURVIVED" if ran.passed else f"UNTESTED, since pytest ended with {ran.status}:\n{ran.text}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
