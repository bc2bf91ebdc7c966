"""`projector trail` and `Query.trail`: all that was done to a resource, by whom, and in which run."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from projector import Query
from projector.archive.archive import Archive
from projector.bounds import Bounds
from projector.query.questions.trail import Deed
from tests.support.archives import seal
from tests.support.commands import projector
from tests.support.projection import Log, cleaned, completed, raw_entries, started

pytestmark = pytest.mark.server

ODD = "lock:\x1b[31m\n\u202e\U0001f600"
LABELS = {"user": "ann", "host": "build-1"}


@pytest.fixture
def done(log: Log) -> Log:
    """A projection that keeps one record a list, so that only the log knows what was done, at 1000, 2000, … ms."""
    log.bounds = Bounds(max_entries=1, max_action_entries=1)
    for second, operation in enumerate(
        (
            started("deploy", "r1"),
            cleaned("lock:deploy", "r1", labels=LABELS),
            completed("deploy", True, "r1"),
            cleaned("lock:other", scanner_id="stale"),
            cleaned("lock:deploy", action="delete", success=False, error="busy"),
            cleaned(ODD, "unknown"),
            cleaned("tree:x"),
        ),
        1,
    ):
        log.add(operation, entry_id=f"{second * 1000}-0")
    log.drain()
    return log


def trail(log: Log, resource: str, *, archive: str | None = None, **more: Any) -> list[Deed]:
    with Query(log.url, log.namespace, archive=archive) as query:
        return query.trail(resource, **more)


def test_what_was_done_to_a_resource_when_by_whom_and_in_which_run(done: Log) -> None:
    deleted, released = trail(done, "lock:deploy")
    assert (deleted.action, deleted.success, deleted.error, deleted.execution_id) == ("delete", False, "busy", None)
    assert (released.labels, released.execution_id, released.run_action_id) == (LABELS, "r1", "deploy")
    assert (released.scanner_id, released.entry_id) == ("locks", "2000-0")


@pytest.mark.parametrize(
    ("resource", "more", "expected"),
    [
        ("lock:*", {}, ["6000-0", "5000-0", "4000-0", "2000-0"]),
        ("lock:*", {"limit": 2}, ["6000-0", "5000-0"]),
        ("lock:*", {"since": 4000, "until": 6000}, ["5000-0", "4000-0"]),
        ("lock:*", {"until": datetime(1970, 1, 1, 0, 0, 4, tzinfo=UTC)}, ["2000-0"]),
        (ODD, {}, ["6000-0"]),
        ("lock:?*\n*", {}, ["6000-0"]),
        ("LOCK:*", {}, []),
        ("lock", {}, []),
    ],
)
def test_globs_times_and_limits(done: Log, resource: str, more: dict[str, Any], expected: list[str]) -> None:
    assert [deed.entry_id for deed in trail(done, resource, **more)] == expected


def test_what_was_trimmed_comes_from_the_archive(done: Log, tmp_path: Path) -> None:
    whole = trail(done, "lock:*")
    seal(Archive.at(str(tmp_path), done.namespace), list(raw_entries(done.client, done.key("wal"))))
    done.client.xtrim(done.key("wal"), maxlen=1, approximate=False)
    assert trail(done, "lock:*") == []
    assert trail(done, "lock:*", archive=str(tmp_path)) == whole


def test_the_command_has_a_line_for_each_and_json(done: Log) -> None:
    server = ("--url", done.url, "--namespace", done.namespace)
    ended = projector("trail", "lock:*", "--utc", *server)
    assert (ended.returncode, "\x1b" in ended.stdout, "\\x1b[31m\\n\\u202e" in ended.stdout) == (0, False, True)
    assert "deploy r1" in ended.stdout
    found = json.loads(projector("trail", "lock:*", "--json", "-n", "1", *server).stdout)
    assert (found["complete"], found["records"][0]["resource_id"]) == (False, ODD)
    nothing = projector("trail", "nothing", *server)
    assert (nothing.returncode, nothing.stdout.splitlines()[0]) == (
        0,
        "nothing was done to it, as far as the log tells",
    )


def test_an_empty_namespace_has_no_trail(log: Log) -> None:
    ended = projector("trail", "lock:*", "--url", log.url, "--namespace", log.namespace)
    assert (ended.returncode, "nothing has been recorded" in ended.stdout) == (0, True)
