"""Entries that somebody deleted: they are forgotten by nothing, or on record as lost for ever."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from producer.connection.wire import clock_of
from projector import Query
from projector.entry_id import milliseconds_of
from projector.errors import Damaged, InvalidQuery, LossesFound, Superseded
from projector.shadow import Rebuilt, rebuild
from projector.shadow.rebuild import _Rebuild
from projector.verification import verify
from tests.support.commands import PROJECTOR, environment_of, run_command
from tests.support.projection import Log, completed, fill, raw_entries, started
from tests.support.servers import eventually

pytestmark = pytest.mark.server


def accept(log: Log, reason: str = "XTRIM by hand") -> Rebuilt:
    return rebuild(log.client, log.namespace, accept_loss=reason, by="ada")


def identity(log: Log) -> tuple[int, int]:
    """(entries that were added and are not there, those of them that are trimmed or lost)."""
    info = log.client.xinfo_stream(log.key("wal"))
    known = sum(int(log.checkpoint(name) or 0) for name in ("trimmed", "lost"))
    return info["entries-added"] - info["length"], known


def assert_lost(log: Log, count: int) -> None:
    """So many are on record, and everything else is as if they had never been."""
    gone, known = identity(log)
    assert (gone, known, int(log.checkpoint("lost"))) == (count, count, count)
    assert verify(log.client, log.namespace).identical
    with Query(log.client, log.namespace) as query:
        assert query.status().lag == 0
    before = log.projection()
    log.rebuild()
    assert log.projection() == before == log.replayed()
    log.add_completions(2)
    assert log.drain() == 2
    assert verify(log.client, log.namespace).identical


def delete_one(log: Log) -> int:
    return int(log.client.xdel(log.key("wal"), log.records("executions")[3]["entry_id"]))


def trim(log: Log) -> int:
    return int(log.client.xtrim(log.key("wal"), maxlen=4, approximate=False))


def delete_oldest(log: Log) -> int:
    return int(log.client.xtrim(log.key("wal"), maxlen=log.client.xlen(log.key("wal")) - 1, approximate=False))


def delete_all(log: Log) -> int:
    return int(log.client.xtrim(log.key("wal"), maxlen=0, approximate=False))


def delete_the_log(log: Log) -> int:
    length = int(log.client.xlen(log.key("wal")))
    log.client.delete(log.key("wal"))
    newest = milliseconds_of(log.checkpoint("last_id"))  # in the same millisecond the new log has the same ids
    eventually(lambda: clock_of(log.client.time()) > newest + 1)
    return length


def replace_the_log(log: Log) -> int:
    length = delete_the_log(log)
    log.add_completions(15)
    return length


def replace_the_log_by_a_short_one(log: Log) -> int:
    length = delete_the_log(log)
    log.add_completions(2)
    return length


DELETIONS = [delete_one, trim, delete_all, delete_the_log, replace_the_log, replace_the_log_by_a_short_one]


@pytest.mark.parametrize("delete", DELETIONS)
def test_nobody_forgets_what_is_gone_until_it_is_accepted(log: Log, delete: Callable[[Log], int]) -> None:
    log.add_completions(10)
    log.drain()
    before = log.projection()
    count = delete(log)
    with pytest.raises(Damaged):
        log.drain()
    with pytest.raises(LossesFound, match=rf"{count} entr.*rebuild --accept-loss"):
        log.rebuild()
    assert before.items() <= log.projection().items()
    outcome = accept(log)
    assert (outcome.accepted, outcome.lost) == (count, count)
    assert_lost(log, count)


def test_the_acceptance_says_who_and_why(log: Log) -> None:
    fill(log)
    log.drain()
    stood = log.checkpoint("last_id")
    count = delete_the_log(log)
    accept(log, "the disk burnt")
    ((_, fields),) = raw_entries(log.client, log.key("wal"))
    said = json.loads(fields[1])
    assert said["accepted_at"] > 1_790_000_000_000
    del said["accepted_at"]
    assert said == {
        "type": "loss_accepted",
        "entries": count,
        "first_id": "0-0",
        "last_id": stood,
        "reason": "the disk burnt",
        "by": "ada",
    }


def test_what_projectors_trimmed_is_not_said_to_be_deleted(log: Log) -> None:
    log.add_completions(10)
    log.drain()
    log.client.xtrim(log.key("wal"), maxlen=8, approximate=False)
    log.client.hincrby(log.key("checkpoint"), "trimmed", 2)
    with pytest.raises(LossesFound, match=r"wal: 2 entries were trimmed by projectors; .* --archive WHERE"):
        log.rebuild()
    before = log.records("executions")[4]["entry_id"]
    log.client.xdel(log.key("wal"), log.records("executions")[3]["entry_id"])
    with pytest.raises(
        LossesFound, match=rf"trimmed by projectors, and 1 entry is lost, from {before} to "
    ) as refused:
        log.rebuild()
    assert str(refused.value).count("its entry was deleted") == 1
    accept(log)
    assert_lost(log, 3)


def test_a_second_loss_adds_up(log: Log) -> None:
    log.add_completions(10)
    log.drain()
    trim(log)
    accept(log)
    delete_the_log(log)  # with the acceptance of the first
    log.add_completions(3)
    accept(log)
    assert_lost(log, 11)


def test_entries_lost_before_they_were_read_are_lost_as_well(log: Log) -> None:
    log.add_completions(3)
    log.drain()
    unread = log.add(completed("b"))
    log.add_completions(1)
    log.client.xdel(log.key("wal"), unread)
    assert accept(log).accepted == 1
    assert_lost(log, 1)


def test_a_deleted_checkpoint_makes_no_loss_undone(log: Log) -> None:
    log.add_completions(10)
    log.drain()
    trim(log)
    log.client.delete(log.key("checkpoint"))
    with pytest.raises(LossesFound, match="6 entries"):
        log.rebuild()
    accept(log)
    assert_lost(log, 6)
    log.client.delete(log.key("checkpoint"))
    assert log.rebuild().lost == 6


@pytest.mark.parametrize("delete", [trim, replace_the_log])
def test_a_rebuild_broken_off_after_the_acceptance_finds_it_in_the_log(
    log: Log, delete: Callable[[Log], int]
) -> None:
    log.add_completions(10)
    log.drain()
    count = delete(log)
    with mock.patch.object(_Rebuild, "_swap", side_effect=Superseded("killed")), pytest.raises(Superseded):
        accept(log)
    assert log.rebuild().lost == count
    assert_lost(log, count)


def test_what_is_deleted_while_a_rebuild_is_broken_off_is_found(log: Log) -> None:
    log.add_completions(10)
    log.drain()
    with mock.patch.object(_Rebuild, "_swap", side_effect=Superseded("killed")), pytest.raises(Superseded):
        log.rebuild()
    delete_one(log)
    with pytest.raises(LossesFound, match="1 entry is lost"):
        log.rebuild()


def test_what_is_deleted_after_the_reckoning_is_not_accepted_with_it(log: Log) -> None:
    log.add_completions(10)
    log.drain()
    trim(log)
    with pytest.raises(Damaged, match="1 entry was deleted during the rebuild"):
        rebuild(log.client, log.namespace, accept_loss="why", drop=lambda _lines: delete_oldest(log))
    accept(log)
    assert_lost(log, 7)


def test_nothing_is_accepted_where_nothing_is_lost(log: Log) -> None:
    log.add_completions(3)
    log.drain()
    before = log.projection()
    assert accept(log).accepted == 0
    assert log.projection() == before
    assert log.client.xlen(log.key("wal")) == 3


def test_the_commands_name_what_is_lost_and_work_as_they_are_printed(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER", "ada")
    log.add(
        '{"type":"cleanup_executed","scanner_id":"stale-locks","resource_id":"lock:b","action":"release",'
        '"success":true,"executed_at":1790000000000}'
    )
    log.add(started("backup", "r1"))
    log.add("garbage")
    log.add_completions(12)
    log.drain()
    trimmed = int(log.client.xtrim(log.key("wal"), maxlen=1, approximate=False))

    def projector(*words: str) -> subprocess.CompletedProcess[str]:
        return run_command([*PROJECTOR, *words], env=environment_of(log.url, log.namespace), cwd=tmp_path, text=True)

    stopped = projector("run")
    assert stopped.returncode == 1
    assert (
        f"14 entries are lost, from the beginning to {log.checkpoint('last_id')} (a ended well at " in stopped.stderr
    )
    assert "; and 4 more records); restore" in stopped.stderr
    differs = projector("verify")
    assert (differs.returncode, "; 14 entries are lost, from the beginning to " in differs.stdout) == (1, True)
    assert json.loads(projector("verify", "--json").stdout)["losses"]["entries"] == 14
    refused = projector("rebuild")
    assert (refused.returncode, "14 entries are lost" in refused.stderr) == (1, True)
    (command,) = re.findall(r"with: projector (rebuild --accept-loss .*)\)", refused.stderr)
    accepted = projector(*shlex.split(command))
    file = f"dropped-{log.namespace}-1.jsonl"
    told, done = accepted.stdout.splitlines()
    assert told == f"the records of entries that are lost are in {file}"
    assert done.startswith("rebuilt, going on from an earlier one: it stands at ")  # from the one that was refused
    assert "14 of them are lost for ever, 14 accepted now" in accepted.stdout
    dropped = [json.loads(line) for line in (tmp_path / file).read_text().splitlines()]
    assert len(dropped) == trimmed
    assert {record["key"].partition(":")[2] for record in dropped} >= {"cleanups", "in_flight", "quarantine"}
    for words in (("status",), ("stats",), ("doctor",)):
        assert "lost" in projector(*words).stdout.lower()
    assert json.loads(projector("status", "--json").stdout)["lost"] == 14
    assert "14 of them are lost for ever, 0 accepted now" in projector("rebuild").stdout
    assert projector("verify").returncode == 0
    (acceptance,) = [
        json.loads(fields[1]) for _, fields in raw_entries(log.client, log.key("wal")) if b"loss" in fields[1]
    ]
    assert (acceptance["by"], acceptance["reason"]) == ("ada", "why")


def test_a_record_that_is_left_says_what_is_lost(log: Log) -> None:
    log.add_completions(1)
    log.add(
        '{"type":"cleanup_executed","scanner_id":"stale-locks","resource_id":"lock:b","action":"release",'
        '"success":true,"executed_at":1790000000000}'
    )
    log.add_completions(1)
    log.drain()
    (record,) = log.records("cleanups")
    log.client.xdel(log.key("wal"), record["entry_id"])
    first, last = [entry["entry_id"] for entry in log.records("executions")][::-1]
    with pytest.raises(LossesFound) as stopped:
        log.drain()
    assert (
        f"1 entry is lost, from {first} to {last} (lock:b released by stale-locks at 2026-09-21 14:13:20 UTC: "
        f"its entry was deleted); restore"
    ) in str(stopped.value)


def test_without_checkpoint_and_log_the_records_that_are_left_tell_of_the_loss(log: Log) -> None:
    log.add_completions(3)
    log.drain()
    log.client.delete(log.key("wal"), log.key("checkpoint"))
    with pytest.raises(LossesFound, match="3 entries are lost"):
        log.rebuild()
    accept(log)
    assert_lost(log, 3)


def test_what_cannot_be_kept_is_not_dropped(log: Log) -> None:
    log.add_completions(3)
    log.drain()
    delete_all(log)
    with pytest.raises(OSError, match="read-only"):
        rebuild(log.client, log.namespace, accept_loss="why", drop=mock.Mock(side_effect=OSError("read-only")))
    assert log.client.xlen(log.key("wal")) == 0
    assert log.entries() == 3


def test_a_loss_is_accepted_for_a_reason(log: Log) -> None:
    with pytest.raises(InvalidQuery, match="expected a reason"):
        accept(log, " ")
