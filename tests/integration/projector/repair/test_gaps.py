"""`projector gaps accept` goes through the log, so that a rebuild repeats it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from projector.bounds import Bounds
from projector.verification import verify
from tests.support.commands import projector, projector_asks
from tests.support.projecting import running
from tests.support.projection import Log, completed
from tests.support.servers import eventually

pytestmark = pytest.mark.server


def run(log: Log, *arguments: str) -> subprocess.CompletedProcess[str]:
    return projector("gaps", *arguments, "--url", log.url, "--namespace", log.namespace)


def accepted(log: Log) -> dict[str, int]:
    """The number up to which the gaps of each producer were accepted."""
    rows: Any = log.client.hgetall(log.key("producers"))
    known = {name.decode(): json.loads(row) for name, row in rows.items()}
    return {name: row["accepted"] for name, row in known.items() if "accepted" in row}


@pytest.fixture
def gappy(log: Log) -> Log:
    """A log of two producers of which numbers are missing, and of another, projected."""
    for by, seq in (("a", 3), ("a", 9), ("b", 2), ("c", 1)):
        log.add(completed("x"), "by", by, "seq", seq)
    log.drain()
    return log


def test_an_acceptance_is_an_entry_and_live_rebuilt_and_replayed_projections_are_identical(gappy: Log) -> None:
    ended = run(gappy, "accept", "--all", "--yes", "--reason", "the disk burnt")
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (
        0,
        f"no projector is active; it is done as soon as one is: projector run --namespace {gappy.namespace}",
    )
    gappy.drain()
    assert accepted(gappy) == {"a": 8, "b": 1}
    assert gappy.checkpoint("missing") == "8"
    newest: Any = gappy.client.xrevrange(gappy.key("wal"), count=2)
    entries = [json.loads(fields[b"op"]) for _, fields in reversed(newest)]
    assert [(entry["producer_id"], entry["seq"], entry["reason"]) for entry in entries] == [
        ("a", 8, "the disk burnt"),
        ("b", 1, "the disk burnt"),
    ]
    live = gappy.projection()
    assert live == gappy.replayed()
    assert verify(gappy.client, gappy.namespace).identical
    gappy.rebuild()
    assert gappy.projection() == live


def test_a_projection_that_nobody_decided_about_is_as_it_was(gappy: Log) -> None:
    row: Any = gappy.client.hget(gappy.key("producers"), "a")
    assert set(json.loads(row)) == {"seq", "gaps", "closed", "entry_id"}


def test_it_waits_for_the_projector_and_says_that_it_is_done(gappy: Log) -> None:
    with running(gappy.projector()):
        eventually(lambda: gappy.client.exists(gappy.key("lease")), what="the lease")
        ended = run(gappy, "accept", "a", "b", "--yes", "--wait", "30")
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "the gaps of 2 producers are accepted")


def test_a_producer_of_which_nothing_is_missing_is_said_so(gappy: Log) -> None:
    ended = run(gappy, "accept", "c", "nobody", "--yes")
    assert ended.returncode == 1
    assert ended.stdout == "c  left: nothing of it is missing\nnobody  left: nothing of it is missing\n"
    assert gappy.client.xlen(gappy.key("wal")) == 4


def test_nothing_is_left_to_accept(gappy: Log) -> None:
    run(gappy, "accept", "--all", "--yes")
    gappy.drain()
    ended = run(gappy, "accept", "--all", "--yes")
    assert (ended.returncode, ended.stdout) == (0, "no gaps are left to accept\n")


def test_gaps_that_were_closed_for_good_are_accepted_too(log: Log) -> None:
    log.bounds = Bounds(max_gaps=1)
    for seq in (2, 4, 3):  # the gap at 1 is closed for good when that at 3 opens, which then is filled
        log.add(completed("x"), "by", "a", "seq", seq)
    log.drain()
    assert run(log, "accept", "a", "--yes").returncode == 0
    log.drain()
    assert accepted(log) == {"a": 1}


@pytest.mark.parametrize(("answer", "length"), [("y", 5), ("n", 4)])
def test_on_a_terminal_it_asks(gappy: Log, answer: str, length: int) -> None:
    asked = projector_asks(answer, "gaps", "accept", "a", "--url", gappy.url, "--namespace", gappy.namespace)
    assert "Accept that 7 operations of a are lost?" in asked.stderr
    assert asked.returncode == (0 if answer == "y" else 1)
    assert gappy.client.xlen(gappy.key("wal")) == length


def test_without_a_terminal_to_ask_on_it_refuses(gappy: Log) -> None:
    ended = run(gappy, "accept", "a")
    assert (ended.returncode, ended.stdout, "--yes" in ended.stderr) == (1, "", True)
    assert gappy.client.xlen(gappy.key("wal")) == 4


@pytest.mark.parametrize("arguments", [["accept"], ["accept", "--all", "a"]])
def test_what_is_meant_has_to_be_said(gappy: Log, arguments: list[str]) -> None:
    assert run(gappy, *arguments).returncode == 2


def test_a_settings_file_holds_for_accept(gappy: Log, tmp_path: Path) -> None:
    settings = tmp_path / "config.toml"
    settings.write_text(f'url = "{gappy.url}"\nnamespace = "{gappy.namespace}"\n')
    assert projector("--config", str(settings), "gaps", "accept", "b", "--yes").returncode == 0
    gappy.drain()
    assert accepted(gappy) == {"b": 1}
