"""The fold by instructions: what a neighbour cannot slow, counted by valgrind over a whole process.

The yardstick is the standard library's `json.loads` of the same operations, so that the figure is a ratio like all
others. Counted: reading and decoding the entries, the fold, the plan of the commit. Two runs of the same code differ
by well under 1 %: the hash seed is fixed, and what the interpreter needs to start is counted apart and taken off.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from projector.bounds import Bounds
from projector.commit.plan import plan_of
from projector.fold.entry import read_entry
from projector.fold.fold import fold
from projector.fold.history import History
from projector.keys import Keys
from tests.benchmarks.ground.workload import ACTIONS_50, Fields
from tests.benchmarks.ratio import Row, at_most
from tests.benchmarks.scale import Scale

__all__ = ["fold_all", "run"]

_ENTRIES = 4000
_BATCH = 1000
_TARGET = 2.1
"""What it is now, and a little: by instructions there is no noise to allow for, but other versions of Python."""
_WORK = ("nothing", "json", "fold")


def run(_scale: Scale) -> list[Row]:
    """Nothing where valgrind is not installed."""
    if shutil.which("valgrind") is None:
        print("fold_instructions: left out, valgrind is not installed", file=sys.stderr)
        return []
    with ThreadPoolExecutor(2) as both:
        nothing, theirs, ours = both.map(_counted, _WORK)
    figures = (ours - nothing) / _ENTRIES, (theirs - nothing) / _ENTRIES
    return [
        Row(
            "fold_instructions",
            ACTIONS_50.name,
            "json.loads of its operation",
            "instructions/entry",
            figures[:1],
            figures[1:],
            at_most(_TARGET),
        )
    ]


def _counted(work: str) -> int:
    """The instructions of a process that does `work`."""
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    done = subprocess.run(
        [*command, sys.executable, "-m", __name__, work],
        env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"I\s+refs:\s+([0-9,]+)", done.stderr)
    if found is None:
        raise RuntimeError(f"valgrind counted no instructions: {done.stderr[-500:]}")
    return int(found[1].replace(",", ""))


def _work(name: str) -> None:
    entries = list(ACTIONS_50.entries(_ENTRIES))
    if name == "json":
        for fields in entries:
            json.loads(fields[1])
    elif name == "fold":
        fold_all(entries)


def fold_all(entries: list[Fields]) -> None:
    """From the entries' bytes to the commits that would be sent, in batches."""
    history, keys = History(Bounds()), Keys("bench")
    for at in range(0, len(entries), _BATCH):
        for number, fields in enumerate(entries[at : at + _BATCH], at + 1):
            fold(history, read_entry(b"%d-0" % number, fields))
        plan_of(history, keys)
        history.committed()


if __name__ == "__main__":
    _work(sys.argv[1])
