"""`projector recent`, `failures` and `cleanups`: the filters of the log, and on into the log and the archive."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from projector.bounds import Bounds
from tests.support.archiving import archive, trim
from tests.support.commands import environment, projector
from tests.support.projection import Log, completed, started

pytestmark = pytest.mark.server

_EPOCH = "1970-01-02"
_COUNT = 30


@pytest.fixture
def recorded(log: Log, tmp_path: Path) -> Log:
    """Bounds of three records; what was trimmed is in an archive at `tmp_path`."""
    log.bounds = Bounds(max_entries=3, max_action_entries=2)
    for at in range(_COUNT):
        log.add(started("deploy", f"run-{at}", source="cron:nightly"), "by", "web:1:a", "seq", 3 * at + 1)
        log.add(completed("deploy", False, f"run-{at}", error="refused"), "by", "web:1:a", "seq", 3 * at + 2)
        cleanup = {"type": "cleanup_executed", "scanner_id": "locks", "resource_id": f"lock:{at}", "action": "delete"}
        log.add(json.dumps(cleanup | {"success": True, "executed_at": at}), "by", "web:1:a", "seq", 3 * at + 3)
    assert trim(log, archive(log, tmp_path)) > _COUNT
    return log


def shown(log: Log, *arguments: str) -> str:
    ended = projector(*arguments, "--url", log.url, "--namespace", log.namespace)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def document(log: Log, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shown(log, *arguments, "--json"))
    return found


@pytest.mark.parametrize("command", ["recent", "failures", "cleanups"])
def test_since_a_time_all_is_there_and_without_it_the_answer_says_that_it_ends(
    recorded: Log, tmp_path: Path, command: str
) -> None:
    whole = document(recorded, command, "--since", _EPOCH, "--archive", str(tmp_path))
    assert (len(whole["records"]), whole["complete"], whole["since"]) == (_COUNT, True, None)
    few = document(recorded, command)
    assert (len(few["records"]), few["complete"]) == (3, False)
    assert few["since"] is not None
    assert "--since goes on into the log" in shown(recorded, command)
    lines = shown(recorded, command, "--since", _EPOCH, "--archive", str(tmp_path), "-n", "7", "--jsonl").splitlines()
    assert [json.loads(line)["entry_id"] for line in lines] == [each["entry_id"] for each in whole["records"][:7]]


def test_what_is_neither_in_the_log_nor_in_an_archive_that_was_named_is_told(recorded: Log) -> None:
    told = " ".join(shown(recorded, "failures", "--since", _EPOCH).split())
    assert "is no longer in the log; if it was archived: --archive WHERE" in told


@pytest.mark.parametrize(
    "arguments",
    [
        ["recent", "--since", _EPOCH],
        ["cleanups", "--since", _EPOCH, "--json"],
        ["trail", "lock:1"],
        ["log"],
        ["show", "run-1"],
    ],
)
def test_an_archive_that_has_nothing_of_a_trimmed_log_is_refused(
    recorded: Log, tmp_path: Path, arguments: list[str]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    words = (*arguments, "--archive", str(elsewhere), "--url", recorded.url, "--namespace", recorded.namespace)
    ended = projector(*words)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"nothing archived at {elsewhere}" in ended.stderr


def test_a_filter_that_no_cleanup_passes_does_not_say_that_there_was_none(recorded: Log) -> None:
    assert shown(recorded, "cleanups", "--action", "zap").startswith("no cleanup is like that")


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["recent", "--source", "cron:*"], _COUNT),
        (["recent", "--ok"], 0),
        (["recent", "--host", "w*", "--grep", "REFUSED"], _COUNT),
        (["recent", "--action", "dep*", "--longer-than", "1h"], 0),
        (["failures", "--action", "deploy"], _COUNT),
        (["cleanups", "--resource", "lock:2?"], 10),
        (["cleanups", "--scanner", "locks", "--failed"], 0),
    ],
)
def test_the_filters_are_those_of_the_log(recorded: Log, tmp_path: Path, arguments: list[str], count: int) -> None:
    found = document(recorded, *arguments, "--since", _EPOCH, "--archive", str(tmp_path))
    assert (len(found["records"]), found["complete"]) == (count, True)


def test_kinds_of_failures_take_no_filter(recorded: Log) -> None:
    ended = projector("failures", "--grouped", "--host", "x", "--url", recorded.url)
    assert ended.returncode == 2
    assert "it takes no filter but --since" in ended.stderr


@pytest.mark.parametrize(
    ("command", "moment"),
    [(["recent"], 0), (["recent"], 3600), (["failures"], 0), (["cleanups"], 0), (["trail", "lock:*"], 0)],
)
def test_a_search_that_takes_longer_than_a_moment_shows_a_bar_on_a_terminal(
    recorded: Log, tmp_path: Path, command: list[str], moment: int
) -> None:
    words = [*command, "--since", _EPOCH, "--archive", str(tmp_path), "--url", recorded.url]
    words += ["--namespace", recorded.namespace]
    assert (b"Searching" in _on_a_terminal(moment, words)) is (moment == 0)


def _on_a_terminal(moment: int, words: list[str]) -> bytes:
    """What the command writes to a terminal where a moment is so many seconds long."""
    code = (
        f"import producer.terminal.progress as p; p._MOMENT_SECONDS = {moment}; import projector.cli as c; c.main()"
    )
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        command = [sys.executable, "-c", code, *words]
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=theirs, env=environment(TERM="xterm")
        ) as ended:
            os.close(theirs)
            read = b""
            try:
                while page := terminal.read(65536):
                    read += page
            except OSError:  # nobody writes any more
                pass
            assert ended.wait(60) == 0, read
    return read
