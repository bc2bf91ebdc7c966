"""The README's tour, run as it stands: each line works, on a fresh home and a port of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from projector import Query
from tests.support.servers import eventually, free_port

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]
PORT = str(free_port())
TOUR = (ROOT / "README.md").read_text().split("\n## A tour", 1)[1].split("\n## ", 1)[0].replace("6380", PORT)
UP, *BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```", TOUR, re.MULTILINE | re.DOTALL)
_EXIT = re.compile(r"# exits with (\d+)")


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of the second terminal, while the first one runs `projector up`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WAL_", "XDG_"))}
    # `.venv/bin` of the checkout may be elsewhere: the commands are those of the interpreter that runs this test.
    environ = {**kept, "HOME": str(tmp_path), "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}"}
    command = UP[1].strip().removeprefix(".venv/bin/")
    process = subprocess.Popen(
        ["bash", "-c", f"exec {command}"], env=environ, cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "Ctrl-C" in line:
            break
    try:
        yield environ
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 0


def test_each_line_of_the_tour_works(shell: dict[str, str]) -> None:
    assert [kind for kind, _ in BLOCKS].count("python") == 2
    exports = BLOCKS[0][1].splitlines()[0]
    assert exports.startswith("export ")
    for kind, body in BLOCKS:
        if kind == "python":
            _run([sys.executable, "-W", "error", "-c", body], {**shell, "WAL_URL": f"redis://127.0.0.1:{PORT}/0"}, 0)
            _catch_up()
            continue
        for line in body.splitlines():
            if line == exports or (line.startswith("redis-cli") and not _has("redis-cli", shell)):
                continue
            expected = int(found[1]) if (found := _EXIT.search(line)) else 0
            told = _run(["bash", "-c", f"{exports}\n{line}"], shell, expected)
            if "HGETALL '{otters}:totals'" in line:
                assert told.split()[:2] == ["total_executions", "4"]
    with Query(f"redis://127.0.0.1:{PORT}/0") as query:
        assert [failure.error for failure in query.recent_failures()] == ["exit status 3"]
        assert query.totals().cleanups == 2


def _has(program: str, shell: dict[str, str]) -> bool:
    return any((Path(place) / program).exists() for place in shell["PATH"].split(":"))


def _run(command: list[str], environ: dict[str, str], status: int) -> str:
    ran = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == status, f"{command[-1]}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


def _catch_up() -> None:
    with Query(f"redis://127.0.0.1:{PORT}/0") as query:
        eventually(lambda: query.status().lag == 0)
