"""`projector show` and `Query.show`: all about one run, cleanup or decision, wherever it is kept."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from projector import AsyncQuery, Query
from projector.archive.archive import Archive
from projector.bounds import Bounds
from projector.errors import InvalidQuery, ProjectorError
from projector.query.questions.show import Shown
from projector.records import ActionExecutionRecord, InFlightRecord
from tests.support.archives import seal
from tests.support.commands import projector
from tests.support.projection import Log, cleaned, completed, raw_entries, started

pytestmark = pytest.mark.server

OUTPUT = "line 1\n\x1b[31mred\u202e\U0001f600\n" + "x" * 300 + "\n"
LABELS = {"user": "ann", "host": "build-1", "cwd": "/srv", "team": "a\nb"}
NOW = 1_790_000_000_000


def orphaned(execution_id: str) -> str:
    fields = {"action_id": "deploy", "execution_id": execution_id, "reason": "silent", "orphaned_at": NOW + 9}
    return json.dumps({"type": "action_execution_orphaned", **fields})


def resolved(execution_id: str) -> str:
    fields = {"execution_id": execution_id, "success": False, "reason": "power", "resolved_at": NOW + 10, "by": "eve"}
    return json.dumps({"type": "execution_resolved", "action_id": "deploy", **fields})


def fill(log: Log) -> dict[str, str]:
    """Runs of every kind, and the entries by name."""
    found = {
        "start": log.add(started("deploy", "f00d-1", command="make deploy", attempt=2, labels=LABELS)),
        "cleanup": log.add(cleaned("lock:deploy", "f00d-1", labels={"user": "ann"})),
        "end": log.add(
            completed("deploy", False, "f00d-1", error="no\nroom", output=OUTPUT, exit_code=3, labels={"cwd": "/x"})
        ),
        "other": log.add(completed("deploy", True, "f00d-2")),
        "alone": log.add(cleaned("lock:other")),
        "nameless start": log.add(started("nightly", started_at=NOW + 5)),
        "nameless end": log.add(completed("nightly", output="done")),
        "running": log.add(started("deploy", "run-1")),
    }
    for name in ("dead-1", "gone-1"):
        log.add(started("deploy", name))
        found[name] = log.add(orphaned(name))
    found["resolution"] = log.add(resolved("gone-1"))
    gaps = '{"type":"gaps_accepted","producer_id":"p","seq":1,"accepted_at":1,"by":"eve","reason":"why"}'
    found["decision"] = log.add(gaps)
    found["garbage"] = log.add("garbage")
    log.drain()
    return found


def shown(log: Log, wanted: str, archive: str | None = None) -> Shown:
    with Query(log.url, log.namespace, archive=archive) as query:
        return query.show(wanted)


def command(log: Log, *arguments: str) -> subprocess.CompletedProcess[str]:
    return projector("show", *arguments, "--url", log.url, "--namespace", log.namespace)


@pytest.mark.parametrize("wanted", ["f00d-1", "start", "end"])
def test_a_run_by_its_id_or_an_entry_of_it_is_shown_with_all_that_is_known(log: Log, wanted: str) -> None:
    entries = fill(log)
    found = shown(log, entries.get(wanted, wanted))
    run = found.run
    assert isinstance(run, ActionExecutionRecord)
    assert (found.kind, found.state, found.output) == ("run", "failed", OUTPUT)
    assert (run.action_id, run.command, run.attempt, run.exit_code) == ("deploy", "make deploy", 2, 3)
    assert (run.labels, run.error, run.started_at) == (LABELS | {"cwd": "/x"}, "no\nroom", NOW)
    assert (found.p50_duration_ms, found.p95_duration_ms) == (5, 5)
    assert [cleanup.resource_id for cleanup in found.cleanups] == ["lock:deploy"]
    assert [record.execution_id for record in found.siblings] == ["gone-1", "dead-1", "f00d-2"]
    assert found.attempts == []


def test_the_beginning_of_an_id_is_enough_if_no_other_begins_so(log: Log) -> None:
    fill(log)
    assert shown(log, "run").state == "running"
    with pytest.raises(ProjectorError, match="f00d names 2 runs: f00d-1 of deploy, f00d-2 of deploy; name one by"):
        shown(log, "f00d")


def test_runs_that_share_an_execution_id_are_told_with_the_entries_that_name_them(log: Log) -> None:
    entries = [log.add(completed(action, True, "R1")) for action in ("other", "retry")]
    log.drain()
    with pytest.raises(ProjectorError) as told:
        shown(log, "R1")
    listed = ", ".join(f"{entry} (R1 of {action})" for entry, action in zip(entries, ("other", "retry"), strict=True))
    assert str(told.value) == f"R1 names 2 runs: {listed}; name one by its entry id"
    found = [shown(log, entry).run for entry in entries]
    assert [run.action_id for run in found if run] == ["other", "retry"]


def test_a_search_that_ended_early_does_not_say_how_many_there_are(log: Log) -> None:
    """Also where it found the ends first of runs whose starts stand far behind."""
    many = [f"x-{number:03}" for number in range(120)]
    for name in many:
        log.add(started("deploy", name))
    for name in many:
        log.add(orphaned(name))
    with pytest.raises(ProjectorError, match=r"^x- names more than 100 runs: x-"):
        shown(log, "x-")


def test_how_a_run_without_an_end_stands(log: Log) -> None:
    entries = fill(log)
    running = shown(log, "run-1")
    assert isinstance(running.run, InFlightRecord)
    assert (running.state, (running.operation or {})["type"]) == ("running", "action_execution_started")
    assert shown(log, "dead-1").state == "presumed dead"
    settled = shown(log, "gone-1")
    assert (settled.state, (settled.operation or {})["by"]) == ("failed", "eve")
    assert [record.orphaned for record in settled.attempts] == [True]
    assert shown(log, entries["gone-1"]).state == "presumed dead"


def test_a_cleanup_is_shown_with_its_run_and_a_decision_with_its_fields(log: Log) -> None:
    entries = fill(log)
    found = shown(log, entries["cleanup"])
    assert found.cleanup is not None
    assert found.run is not None
    assert (found.kind, found.cleanup.resource_id, found.run.action_id) == ("cleanup", "lock:deploy", "deploy")
    assert shown(log, entries["alone"]).run is None
    decision = shown(log, entries["decision"])
    assert (decision.kind, decision.state) == ("decision", "gaps_accepted")
    assert (decision.operation or {})["reason"] == "why"


def test_a_cleanup_belongs_to_no_run_whose_id_merely_begins_like_its_own(log: Log) -> None:
    few = Log(log.client, log.url, log.namespace, Bounds(max_entries=1, max_action_entries=1))
    few.add(started("deploy", "r1x"))
    few.add(completed("deploy", execution_id="r1x"))
    entry_id = few.add(cleaned("lock:deploy", "r1"))
    few.add(completed("deploy", execution_id="later"))
    few.drain()
    assert shown(log, entry_id).run is None


@pytest.mark.parametrize("wanted", ["nameless start", "nameless end"])
def test_a_run_without_an_execution_id_is_found_by_an_entry(log: Log, wanted: str) -> None:
    found = shown(log, fill(log)[wanted])
    assert isinstance(found.run, ActionExecutionRecord)
    assert (found.run.action_id, found.output, found.run.started_at) == ("nightly", "done", NOW + 5)


@pytest.mark.parametrize("where", ["in the log", "in the archive"])
@pytest.mark.parametrize(
    "wanted", ["f00d-1", "f00d-2", "start", "end", "cleanup", "nameless start", "nameless end", "decision", "gone-1"]
)
def test_what_the_lists_have_let_go_of_is_the_same_from_the_log_and_from_the_archive(
    log: Log, tmp_path: Path, where: str, wanted: str
) -> None:
    """But for what stands beside it: usual durations, siblings, attempts."""
    small = Log(log.client, log.url, f"{log.namespace}-small", Bounds(max_entries=1, max_action_entries=1))
    entries = fill(log)
    for entry_id, fields in raw_entries(log.client, log.key("wal")):
        small.client.execute_command("XADD", small.key("wal"), entry_id, *fields)
    for number in range(3):
        small.add(completed("deploy", False, f"late-{number}"))
        small.add(completed("nightly"))
        small.add(cleaned("other"))
    small.drain()
    archive = None
    if where == "in the archive":
        archive = str(tmp_path)
        page = list(raw_entries(small.client, small.key("wal")))
        seal(Archive.at(archive, small.namespace), page[:12])
        seal(Archive.at(archive, small.namespace), page[12:])
        small.client.xtrim(small.key("wal"), maxlen=1, approximate=False)
    name = entries.get(wanted, wanted)
    whole, found = shown(log, name), shown(small, name, archive)
    assert told(found, small.namespace) == told(whole, log.namespace)


def told(shown: Shown, namespace: str) -> str:
    """What is known, wherever it was read."""
    facts = (shown.kind, shown.state, shown.run, shown.cleanup, shown.operation, shown.cleanups)
    return repr(facts).replace(f"namespace={namespace!r}", "namespace='…'")


def test_runs_that_ended_long_after_are_not_shown_as_those_around_it(log: Log) -> None:
    few = Log(log.client, log.url, log.namespace, Bounds(max_entries=3, max_action_entries=3))
    for number in range(9):
        few.add(completed("deploy", True, f"run-{number}"))
    few.drain()
    assert shown(few, "run-1").siblings == []
    assert [run.execution_id for run in shown(few, "run-6").siblings] == ["run-8", "run-7"]


def test_without_the_archive_it_says_what_is_no_longer_in_the_log(log: Log) -> None:
    entries = fill(log)
    log.client.xtrim(log.key("wal"), maxlen=1, approximate=False)
    found = command(log, "f00d-1")
    assert "its entry is no longer in the log; if it was archived: --archive WHERE" in found.stdout
    assert "room" in found.stdout  # the error is in the record
    gone = command(log, entries["decision"])
    assert (gone.returncode, gone.stdout) == (1, "")
    assert (
        f"no entry {entries['decision']} is in the log of namespace {log.namespace}; if it was archived"
        in gone.stderr
    )


def test_the_page_has_error_and_output_in_full_and_obeys_no_escape(log: Log) -> None:
    fill(log)
    page = command(log, "f00d-1", "--utc").stdout
    lines = page.splitlines()
    for line in ("State", "Who", "Command", "Exit status", "Attempt"):
        assert any(each.startswith(line) for each in lines), page
    assert "ann@build-1 in /x" in page
    assert "team=a\\nb" in page
    assert lines[lines.index("Output") + 1 :][:3] == ["line 1", "\\x1b[31mred\\u202e\U0001f600", "x" * 300]
    assert lines[lines.index("Error") + 1 :][:2] == ["no", "room"]
    assert "\x1b" not in page
    assert "lock:deploy" in page
    settled = command(log, "gone-1").stdout
    assert "failed, as eve decided: power" in settled


def test_a_narrow_terminal_is_enough(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = fill(log)
    monkeypatch.setattr("tests.support.commands.environment", lambda: {"COLUMNS": "60", "PATH": "/usr/bin:/bin"})
    for wanted in ("f00d-1", entries["cleanup"], entries["decision"], "run-1"):
        ended = command(log, wanted)
        assert (ended.returncode, ended.stderr) == (0, "")
        page, _, _ = ended.stdout.partition("\nOutput\n")  # which is shown as it is
        assert max(map(len, page.splitlines())) <= 60, page


@pytest.mark.parametrize("wanted", ["f00d-1", "run-1", "dead-1", "cleanup", "decision"])
def test_json_is_all_of_it(log: Log, wanted: str) -> None:
    entries = fill(log)
    found: Any = json.loads(command(log, entries.get(wanted, wanted), "--json").stdout)
    assert {"kind", "state", "run", "cleanup", "operation", "attempts", "siblings", "cleanups"} <= set(found)
    if wanted == "f00d-1":
        assert (found["operation"]["output"], found["run"]["labels"]["team"]) == (OUTPUT, "a\nb")


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("nobody", "no run nobody is in the log of namespace {}; if it was archived: --archive WHERE"),
        ("1-1", "no entry 1-1 is in the log of namespace {}; if it was archived: --archive WHERE"),
        ("x\x1b\n", "no run 'x\\x1b\\n' is in the log"),
        ("f00d", "f00d names 2 runs"),
        ("garbage", "cannot be read: expected JSON"),
    ],
)
def test_an_id_that_names_nothing_or_several_is_one_line(log: Log, wanted: str, told: str) -> None:
    entries = fill(log)
    ended = command(log, entries.get(wanted, wanted))
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1)
    assert told.format(log.namespace) in ended.stderr


def test_in_an_empty_namespace_there_is_nothing_to_show(log: Log) -> None:
    for wanted in ("deploy", "1-1"):
        assert command(log, wanted).returncode == 1


def test_an_id_that_is_no_text_is_an_invalid_query(log: Log) -> None:
    with Query(log.url, log.namespace) as query, pytest.raises(InvalidQuery):
        query.show(5)  # type: ignore[arg-type]


async def shown_by_asyncio(log: Log, wanted: str) -> Shown:
    async with AsyncQuery(log.url, log.namespace) as query:
        return await query.show(wanted)


def test_asyncio_has_the_same(log: Log) -> None:
    fill(log)
    assert asyncio.run(shown_by_asyncio(log, "f00d-1")) == shown(log, "f00d-1")
