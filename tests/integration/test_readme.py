"""The README's commands and programs, run as they stand, in a home where nothing was ever run before."""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

import pytest

from producer import Producer, WalUnavailable
from projector import Query
from tests.support.servers import eventually, vacant_port

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
_BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_EXIT = re.compile(r"# exits with (\d+)")


def _blocks(section: str) -> list[tuple[str, str]]:
    """(language, text) of each block of code that can be run."""
    return _BLOCK.findall(README.split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0])


class Terminal:
    """A shell in a checkout, as a terminal has it: what a line exports is there for the next one."""

    def __init__(self, checkout: Path, environ: dict[str, str]) -> None:
        self._shell = subprocess.Popen(
            ["bash", "--norc"], env=environ, cwd=checkout, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def type(self, line: str, status: int = 0, *, given: str = "") -> str:
        """What `line` prints when it is given these lines to read. It must exit with `status`."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(
            f"{{ {line}\n}} 2>&1 <<'END OF INPUT'\n{given}\nEND OF INPUT\nprintf '\\nENDED %s\\n' $?\n"
        )
        self._shell.stdin.flush()
        printed = ""
        for output in self._shell.stdout:
            if output.startswith("ENDED "):
                assert output == f"ENDED {status}\n", f"{line}\n{printed}"
                return printed
            printed += output
        raise AssertionError(f"the shell ended: {line}\n{printed}")

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self._shell.communicate("exit\n", timeout=20)


@contextmanager
def _first_terminal(line: str, checkout: Path, environ: dict[str, str]) -> Iterator[str]:
    """Run `projector up` while the second terminal is used; the line that it prints for that one."""
    with subprocess.Popen(
        ["bash", "-c", f"exec {line}"], env=environ, cwd=checkout, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            printed = takewhile(lambda shown: "Ctrl-C" not in shown, process.stdout)
            (export,) = [shown.strip() for shown in printed if shown.strip().startswith("export ")]
            yield export
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)
    assert process.returncode == 0


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each line of the tour prints, in their order; lines of `redis-cli` only where it is installed."""
    checkout, home = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("home")
    (checkout / ".venv").symlink_to(sys.prefix)
    (checkout / "docs").symlink_to(ROOT / "docs")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WAL_", "XDG_"))}
    environ = {**kept, "HOME": str(home), "COLUMNS": "100"}  # 80, and room for the times of a slow machine
    (_, first), *blocks = _blocks("A tour of five minutes")
    printed: dict[str, str] = {}
    with _first_terminal(first.strip(), checkout, environ) as export, Terminal(checkout, environ) as terminal:
        url = re.findall(r"WAL_URL=(\S+)", export)[0]
        for language, block in blocks:
            if language == "python":
                printed[block] = terminal.type("python -iq", given=block)
                assert "Traceback" not in printed[block], printed[block]
                _catch_up(url)
                continue
            for line in block.splitlines():
                if line.startswith("redis-cli") and not shutil.which("redis-cli"):
                    continue
                # Where port 6379 is taken, the reader is told to take the line that `projector up` has printed.
                typed = export if line.startswith("export ") and f"WAL_URL={url} " not in line else line
                expected = int(found[1]) if (found := _EXIT.search(line)) else 0
                if line.startswith("projector"):
                    _catch_up(url)
                printed[line] = terminal.type(typed, expected)
            _catch_up(url)
        with Query(url) as query:
            assert [failure.error for failure in query.recent_failures()] == ["exit status 3"]
            assert query.totals().cleanups == 2
    return printed


def _catch_up(url: str) -> None:
    with Query(url) as query:
        eventually(lambda: query.status().lag == 0)


def test_each_line_of_the_tour_works(tour: dict[str, str]) -> None:
    commands = {line.split()[0] for line in tour if "\n" not in line}
    assert commands >= {"export", "producer", "projector"}
    (shown,) = re.findall(r"^```text\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    # Times differ: of a table the words of its heading, which has more where there is room.
    same = [line.split() for line in shown.splitlines() if not re.search(r"\d m?s|…", line)]
    found = [set(line.split()) for line in tour["projector stats"].splitlines()]
    assert [line for line in same if any(set(line) <= words for words in found)] == same
    (reading,) = [block for block in tour if "from projector" in block]
    said = re.findall(r"^ *print\(.*\)  # (.*)$", reading, re.MULTILINE)
    assert [line for line in said if line in tour[reading]] == said == ["0", "['exit status 3']"]


@pytest.mark.skipif(not shutil.which("redis-cli"), reason="redis-cli is not installed here")
def test_each_line_of_redis_cli_shows_what_was_recorded(tour: dict[str, str]) -> None:
    lines = {line: shown for line, shown in tour.items() if line.startswith("redis-cli")}
    assert len(lines) == 5
    totals, executions, backup, in_flight, entry = lines.values()
    assert totals.split()[:2] == ["total_executions", "4"]
    assert len(executions.splitlines()) >= 4
    assert "total_executions\n2\n" in backup
    assert not in_flight.strip()
    assert "cleanup_executed" in entry


def test_the_ways_of_an_engine_are_as_the_readme_says(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """While Redis is away a job does not begin, or with `on_unavailable="log"` it runs and is not recorded."""
    url = f"redis://127.0.0.1:{vacant_port()}/0"
    ran = []
    with (
        Producer(url, timeout=0.1) as producer,
        pytest.raises(WalUnavailable),
        producer.execution("job", source="cron"),
    ):
        ran.append("raise")
    (block,) = [block for language, block in _blocks("In an engine") if language == "python"]
    assert 'on_unavailable="log"' in block
    program = block.replace("/var/lib/engine", str(tmp_path)).replace("timeout=2", "timeout=0.1")
    with caplog.at_level(logging.WARNING, "producer"):
        exec(program.replace("...", "ran.append('log')"), {"url": url, "ran": ran})
    assert ran == ["log"]
    assert len(caplog.records) == 2  # its start, and its end
