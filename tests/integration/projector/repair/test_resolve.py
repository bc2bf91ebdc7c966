"""`projector resolve` settles a run that has no end, through the log, so that a rebuild repeats it."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
from pathlib import Path

import pytest

from projector.verification import verify
from tests.support.commands import projector
from tests.support.projecting import running
from tests.support.projection import Log, completed, raw_entries, started
from tests.support.servers import eventually

pytestmark = pytest.mark.server

ODD = "run\n\x1b[31m\u202e\U0001f600"


def run(log: Log, *arguments: str) -> subprocess.CompletedProcess[str]:
    return projector("resolve", *arguments, "--url", log.url, "--namespace", log.namespace)


def orphaned(action_id: str, execution_id: str) -> str:
    return (
        f'{{"type":"action_execution_orphaned","action_id":"{action_id}","execution_id":"{execution_id}",'
        '"reason":"silent","orphaned_at":1790000000010}'
    )


@pytest.fixture
def opened(log: Log) -> Log:
    """Presumed dead: `dead-1` of a. In flight: `live-1` of a, `live-2` of b, c without an id, d with an odd one."""
    for action_id, execution_id in (("a", "dead-1"), ("a", "live-1"), ("b", "live-2"), ("c", None), ("d", ODD)):
        log.add(started(action_id, execution_id))
    log.add(orphaned("a", "dead-1"))
    log.add(completed("e", True, "ended-1"))
    log.drain()
    return log


@pytest.mark.parametrize(("wanted", "action_id"), [("dead-1", "a"), ("dead", "a"), ("live-2", "b"), ("c", "c")])
def test_a_run_is_named_by_its_id_its_beginning_or_its_action_and_is_settled_by_an_entry(
    opened: Log, wanted: str, action_id: str
) -> None:
    ended = run(opened, wanted, "--failed", "the host lost power")
    assert ended.returncode == 0
    assert ended.stdout.splitlines()[-1].startswith("no projector is active; it is done as soon as one is")
    opened.drain()
    (record, *_) = opened.records(f"executions:{action_id}")
    assert (record["success"], record["error"], record["duration_ms"]) == (False, "the host lost power", None)
    assert len({*opened.client.hgetall(opened.key("in_flight")), *opened.client.hgetall(opened.key("orphans"))}) == 4
    assert verify(opened.client, opened.namespace).identical
    live = opened.projection()
    opened.rebuild()
    assert opened.projection() == live


def test_it_waits_for_the_projector_and_says_how_the_run_went(opened: Log) -> None:
    with running(opened.projector()):
        eventually(lambda: opened.client.exists(opened.key("lease")), what="the lease")
        ended = run(opened, "dead-1", "--succeeded", "seen by hand", "--wait", "30")
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout.splitlines()[-1] == "dead-1 of a succeeded, and is settled"
        odd = run(opened, ODD, "--failed", "why", "--wait", "30")
    assert odd.stdout.splitlines()[-1] == f"{ODD!r} of d failed, and is settled"
    assert opened.totals()["orphaned"] == 0


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("live-", "live- names 2 runs: live-1 of a, live-2 of b; name one by its whole id"),
        ("ended-1", "ended-1 of e has an end already, entry "),
        ("dead-2", "no run dead-2 is in flight or presumed dead in namespace {}. Did you mean dead-1?"),
        (
            "a",
            "no run a is in flight or presumed dead in namespace {}; of this action there are: live-1 of a, dead-1",
        ),
        (
            "zzz",
            "no run zzz is in flight or presumed dead in namespace {0}; what is: projector in-flight --namespace",
        ),
        ("x\x1b", "no run 'x\\x1b' is in flight"),
    ],
)
def test_what_names_no_run_or_several_is_told_and_nothing_is_appended(opened: Log, wanted: str, told: str) -> None:
    length = opened.client.xlen(opened.key("wal"))
    ended = run(opened, wanted, "--failed", "why")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"projector: {told.format(opened.namespace)}")
    assert opened.client.xlen(opened.key("wal")) == length


def test_of_runs_that_share_an_execution_id_one_is_settled_by_its_entry(opened: Log) -> None:
    entry = opened.add(started("b", "live-1"))
    opened.drain()
    told = run(opened, "live-1", "--failed", "why").stderr
    assert "live-1 names 2 runs: " in told
    assert f"{entry} (live-1 of b); name one by its entry id" in told
    assert run(opened, entry, "--failed", "why").returncode == 0
    opened.drain()
    (record,) = opened.records("executions:b")
    assert (record["execution_id"], record["error"]) == ("live-1", "why")


def test_in_an_empty_namespace_there_is_no_run(log: Log) -> None:
    ended = run(log, "x", "--failed", "why")
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ["dead-1"],
        ["dead-1", "why"],
        ["dead-1", "--failed"],
        ["dead-1", "--failed", " "],
        ["dead-1", "--failed", "x" * 4097],
    ],
)
def test_what_is_meant_has_to_be_said(opened: Log, arguments: list[str]) -> None:
    assert run(opened, *arguments).returncode == 2
    assert len(opened.records("failures")) == 1


def test_the_log_keeps_the_account_that_decided_also_where_user_is_not_set(
    opened: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("USER", raising=False)
    monkeypatch.chdir(tmp_path)
    server = ("--url", opened.url, "--namespace", opened.namespace)
    opened.add(completed("x"), "by", "worker", "seq", "3")
    opened.drain()
    assert run(opened, "dead-1", "--failed", "the host lost power").returncode == 0
    assert projector("gaps", "accept", "--all", "--yes", *server).returncode == 0
    opened.drain()
    opened.client.xtrim(opened.key("wal"), maxlen=2, approximate=False)
    assert projector("rebuild", "--accept-loss", "why", *server).returncode == 0
    said = [json.loads(fields[1]) for _, fields in raw_entries(opened.client, opened.key("wal"))]
    account = pwd.getpwuid(os.geteuid()).pw_name
    assert [(each["type"], each["by"]) for each in said] == [
        (kind, account) for kind in ("execution_resolved", "gaps_accepted", "loss_accepted")
    ]
