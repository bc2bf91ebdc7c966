"""docs/recipes.md: each block runs as it stands there, and finds what is in the log."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from producer.wal import DEFAULT_NAMESPACE
from tests.support.commands import environment
from tests.support.projection import Log, completed
from tests.support.servers import Server

pytestmark = pytest.mark.server

_PAGE = (Path(__file__).parents[4] / "docs" / "recipes.md").read_text()
_BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```", _PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each block prints, in their order, in a directory with an archive and a log that goes on behind it."""
    cleaned = {"type": "cleanup_executed", "scanner_id": "s", "resource_id": "lock:a", "action": "delete"}
    directory, server = tmp_path_factory.mktemp("recipes"), Server(tmp_path_factory.mktemp("server")).start()
    path = f"{Path(sys.executable).parent}:{environment()['PATH']}"
    variables = environment(WAL_URL=server.url, PATH=path)

    def run(*words: str) -> str:
        ended = subprocess.run(words, cwd=directory, env=variables, capture_output=True, text=True, timeout=60)
        assert (ended.returncode, ended.stderr) == (0, ""), f"{words}: {ended.stderr}"
        return ended.stdout

    try:
        with server.client() as client:
            log = Log(client, server.url, DEFAULT_NAMESPACE)
            for _ in range(3):
                log.add(completed("deploy", False))
            log.add(completed("backup", False))
            log.add(completed("backup"))
            log.add(json.dumps(cleaned | {"success": True, "executed_at": 1}))
            log.drain()
            run("projector", "archive", "once", "--archive", "archive")
            log.client.xtrim(log.key("wal"), maxlen=2, approximate=False)
            log.add(completed("later", False))
            return [run(*_words(language, block)) for language, block in _BLOCKS]
    finally:
        server.kill()


def _words(language: str, block: str) -> tuple[str, ...]:
    return ("bash", "-euo", "pipefail", "-c", block) if language == "sh" else (sys.executable, "-c", block)


def test_each_recipe_finds_what_is_in_the_trail(printed: list[str]) -> None:
    failures, _, slowest, cleaned, counts = printed
    assert re.findall(r"│ (\w+) +│ [\d-]+ │ +(\d+) │", failures) == [("deploy", "3"), ("backup", "1")]
    assert set(re.findall(r"│ (\w+) +│ +(\d+) │ +5.0 │", slowest)) == {
        ("deploy", "3"),
        ("backup", "2"),
        ("later", "1"),
    }
    assert cleaned == "lock:a\n"
    assert [line.split() for line in counts.splitlines()] == [["1", "backup"], ["3", "deploy"], ["1", "later"]]
