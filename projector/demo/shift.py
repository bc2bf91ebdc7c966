"""A worker's shift: what its jobs need to run commands and record them."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from producer import Execution
from projector.demo.book import BookedProducer
from projector.embedded import tethered

_PRODUCER_RUN = (sys.executable, "-c", "from producer.cli import main; main()", "run")
_WORDS = (
    "otter",
    "river",
    "holt",
    "kelp",
    "whisker",
    "current",
    "stone",
    "willow",
    "ripple",
    "shell",
    "tide",
    "raft",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """What a worker hands to its jobs. All workers share the `directory`, which `lay_out` has filled."""

    producer: BookedProducer
    directory: Path
    url: str

    def fresh(self, directory: str, suffix: str = "") -> Path:
        """A path in `directory` that no other worker uses."""
        return self.directory / directory / f"{os.getpid()}-{random.getrandbits(32):08x}{suffix}"

    def producer_run(self, action: str, source: str, *command: str | Path) -> None:
        """Run `command` under `producer run`, as a crontab does."""
        options = ("--url", self.url, "--namespace", self.producer.namespace, "--action", action, "--source", source)
        status, _ = _run(*_PRODUCER_RUN, *options, "--", *command)
        self.producer.note("started")
        self.producer.note("failures" if status else "successes")

    def run(self, execution: Execution, *command: str | Path) -> None:
        """Run `command` and tell `execution` its output and its failure."""
        status, execution.output = _run(*command)
        if status:
            execution.fail(f"exit status {status}")


Job = Callable[[Shift], None]


def lay_out(directory: Path) -> None:
    """Make the workers' directories in `directory`, and the documents that their actions work on."""
    for name in ("archive", "backups", "books", "documents", "drafts", "locks", "logs", "worktrees"):
        (directory / name).mkdir()
    for number in range(24):
        (directory / "documents" / f"{number:02}.txt").write_text(words(random.randrange(2_000, 20_000)))


def words(count: int) -> str:
    """A text of so many words, which compresses about as well as a language does."""
    return " ".join(random.choices(_WORDS, k=count)) + "\n"


def _run(*command: str | Path) -> tuple[int, bytes]:
    done = subprocess.run(
        tethered(command), check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.returncode, done.stdout
