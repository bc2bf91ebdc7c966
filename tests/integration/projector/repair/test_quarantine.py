"""The quarantine's commands: what they show, and that what they ask for goes through the log and counts once."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from projector.archive.archive import Archive
from projector.bounds import Bounds
from projector.fold.fold import UNDECIDABLE
from projector.quarantine import Folded, Quarantine
from tests.support.archives import seal
from tests.support.commands import projector, projector_asks
from tests.support.projecting import running
from tests.support.projection import Log, completed, raw_entries
from tests.support.servers import eventually

pytestmark = pytest.mark.server


def run(log: Log, *arguments: str) -> subprocess.CompletedProcess[str]:
    return projector("quarantine", *arguments, "--url", log.url, "--namespace", log.namespace)


def ids(log: Log) -> list[str]:
    return [entry_id for entry_id, _ in log.quarantine()]


def assert_rebuild_repeats_it(log: Log) -> None:
    """The log alone gives the same projection. (A stream that was emptied stays, empty.)"""
    assert {key: content for key, content in log.projection().items() if content} == log.replayed()


@pytest.fixture
def repairable(log: Log) -> str:
    """The id of an entry whose identity is broken and whose operation is good: in the quarantine."""
    entry_id = log.add(completed("repaired"), "by", "worker")
    log.drain()
    assert ids(log) == [entry_id]
    return entry_id


class TestRetry:
    def test_what_decodes_now_counts_once_however_often_it_is_retried(self, log: Log, repairable: str) -> None:
        first, second = run(log, "retry", repairable), run(log, "retry", repairable)
        assert (first.returncode, second.returncode) == (0, 0)
        assert "no projector is active" in second.stdout
        log.drain()
        assert ids(log) == []
        assert log.totals()["total_executions"] == 1
        assert (log.checkpoint("quarantined"), log.checkpoint("duplicates")) == ("0", "1")
        assert_rebuild_repeats_it(log)

    def test_it_waits_for_the_projector_and_says_that_the_entry_is_out(self, log: Log, repairable: str) -> None:
        with running(log.projector()):
            eventually(lambda: log.client.exists(log.key("lease")), what="the lease")
            ended = run(log, "retry", repairable, "--wait", "30")
        assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "1 entry left the quarantine")
        assert ids(log) == []
        assert log.totals()["total_executions"] == 1

    def test_one_that_does_not_decode_stays_and_the_exit_status_is_1(self, log: Log, repairable: str) -> None:
        broken = log.add('{"type":"nonsense"}')
        log.drain()
        ended = run(log, "retry", "--all")
        assert ended.returncode == 1
        assert f"{repairable}  appended as " in ended.stdout
        assert f"{broken}  left: type: expected one of action_execution_started" in ended.stdout
        log.drain()
        assert ids(log) == [broken]

    def test_the_entry_is_appended_as_it_was_with_what_it_retries_and_no_identity(
        self, log: Log, repairable: str
    ) -> None:
        run(log, "retry", repairable)
        newest: Any = log.client.xrevrange(log.key("wal"), count=1)
        assert newest[0][1] == {b"op": completed("repaired").encode(), b"retry_of": repairable.encode()}

    def test_an_entry_trimmed_from_the_log_is_taken_from_the_quarantine(self, log: Log, repairable: str) -> None:
        log.client.xtrim(log.key("wal"), maxlen=0, approximate=False)
        assert run(log, "retry", repairable).returncode == 0
        newest: Any = log.client.xrevrange(log.key("wal"), count=1)
        assert newest[0][1][b"op"] == completed("repaired").encode()

    def test_an_operation_that_was_cut_is_whole_in_the_log_and_cannot_be_retried_without_it(self, log: Log) -> None:
        large = completed("large", output="x" * 5000)
        entry_id = log.add(large, "by", "worker")
        log.drain()
        assert run(log, "retry", entry_id).returncode == 0
        newest: Any = log.client.xrevrange(log.key("wal"), count=1)
        assert newest[0][1][b"op"] == large.encode()

        log.client.xtrim(log.key("wal"), maxlen=0, approximate=False)
        ended = run(log, "retry", entry_id)
        assert ended.returncode == 1
        assert f"of its {len(large)} bytes only 4096 were kept" in ended.stdout
        assert log.client.xlen(log.key("wal")) == 0

    def test_an_operation_that_was_trimmed_is_whole_in_the_archive(self, log: Log, tmp_path: Path) -> None:
        large = completed("large", output="x" * 5000)
        entry_id = log.add(large, "by", "worker")
        log.drain()
        seal(Archive.at(str(tmp_path), log.namespace), [*raw_entries(log.client, log.key("wal"))])
        log.client.xtrim(log.key("wal"), maxlen=0, approximate=False)
        assert "if it was archived, name where, with --archive" in run(log, "retry", entry_id).stdout
        assert run(log, "retry", entry_id, "--archive", str(tmp_path)).returncode == 0
        newest: Any = log.client.xrevrange(log.key("wal"), count=1)
        assert newest[0][1][b"op"] == large.encode()

    def test_what_may_have_counted_already_is_retried_only_by_name(self, log: Log) -> None:
        log.bounds = Bounds(max_gaps=1)
        for seq in (2, 4, 1):  # the gap at 1 is closed for good when that at 3 opens
            entry_id = log.add(completed("a"), "by", "worker", "seq", seq)
        log.drain()
        ((found, fields),) = log.quarantine()
        assert (found, fields[b"reason"].decode()) == (entry_id, UNDECIDABLE)

        ended = run(log, "retry", "--all")
        assert ended.returncode == 1
        assert f"{entry_id}  left: {UNDECIDABLE}" in ended.stdout
        assert run(log, "retry", entry_id).returncode == 0
        log.drain()
        assert ids(log) == []
        assert log.totals()["total_executions"] == 3

    def test_a_repeated_operation_is_not_guessed_at(self, log: Log) -> None:
        entry_id = log.add(completed("a"), "op", completed("b"))
        log.drain()
        ended = run(log, "retry", entry_id)
        assert (ended.returncode, ended.stdout) == (1, f"{entry_id}  left: expected one field op, found 2\n")

    def test_an_id_that_is_not_there_is_said_so(self, log: Log, repairable: str) -> None:
        ended = run(log, "retry", "5-5", repairable)
        assert ended.returncode == 1
        assert ended.stdout.startswith(f"5-5  left: it is not in the quarantine\n{repairable}  appended as ")

    def test_all_of_nothing(self, log: Log) -> None:
        ended = run(log, "retry", "--all")
        assert (ended.returncode, ended.stdout) == (0, "the quarantine is empty\n")

    @pytest.mark.parametrize("arguments", [[], ["--all", "5-5"], ["5"], ["5-x"]])
    def test_what_is_to_be_retried_has_to_be_said(self, log: Log, arguments: list[str]) -> None:
        assert run(log, "retry", *arguments).returncode == 2
        assert log.client.exists(log.key("wal")) == 0


class TestDrop:
    def test_a_drop_goes_through_the_log_so_that_a_rebuild_repeats_it(self, log: Log, repairable: str) -> None:
        ended = run(log, "drop", repairable, "--yes")
        assert ended.returncode == 0
        assert "no projector is active" in ended.stdout
        assert ids(log) == [repairable]
        log.drain()
        assert (ids(log), log.checkpoint("quarantined")) == ([], "0")
        assert log.totals().get("total_executions", 0) == 0
        assert_rebuild_repeats_it(log)

    def test_without_a_terminal_to_ask_on_it_refuses(self, log: Log, repairable: str) -> None:
        ended = run(log, "drop", repairable)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.count("\n") == 1
        assert "--yes" in ended.stderr
        assert log.client.xlen(log.key("wal")) == 1

    @pytest.mark.parametrize(("answer", "length"), [("y", 2), ("n", 1)])
    def test_on_a_terminal_it_asks(self, log: Log, repairable: str, answer: str, length: int) -> None:
        address = ("--url", log.url, "--namespace", log.namespace)
        asked = projector_asks(answer, "quarantine", "drop", repairable, *address)
        assert "Drop this entry for good" in asked.stderr
        assert asked.returncode == (0 if answer == "y" else 1)
        assert log.client.xlen(log.key("wal")) == length

    @pytest.mark.usefixtures("repairable")
    def test_one_that_is_not_there_is_not_appended(self, log: Log) -> None:
        ended = run(log, "drop", "5-5", "--yes")
        assert (ended.returncode, ended.stdout) == (1, "5-5  left: it is not in the quarantine\n")
        assert log.client.xlen(log.key("wal")) == 1


class TestReading:
    def test_list_shows_the_latest_first_and_how_many_more_there_are(self, log: Log) -> None:
        added = [log.add(f"broken {number}", "by", "worker", "seq", number) for number in (1, 2, 3)]
        log.drain()
        shown = run(log, "list", "--limit", "2").stdout.splitlines()
        assert shown[0].split() == ["When", "Entry", "By", "Reason"]
        assert [entry_id for entry_id in added if entry_id in "".join(shown)] == added[1:]
        assert added[2] in shown[1]
        assert "worker" in shown[1]
        assert "expected JSON, found text that is no JSON" in shown[1]
        assert shown[-1] == "and 1 more: --limit 3"

    def test_list_of_nothing(self, log: Log) -> None:
        empty, *why = run(log, "list").stdout.splitlines()
        assert empty == f"the quarantine of namespace {log.namespace} is empty"
        assert " ".join(why).startswith(f"nothing has been recorded in namespace {log.namespace} yet; ")
        assert json.loads(run(log, "list", "--json").stdout) == []

    def test_show_makes_bytes_and_control_characters_visible(self, log: Log) -> None:
        entry_id = log.add(b"\xff\x1b[2J\x00", "by", "work\ner", "seq", "x", "note", "y" * 5000, "note", "z")
        log.drain()
        shown = run(log, "show", entry_id).stdout
        assert "expected each field of an entry once, found one repeated" in shown
        assert r"\xff\x1b[2J\x00" in shown
        assert r"work\ner" in shown
        assert "(5,000 bytes, of which 4,096 were kept)" in shown
        assert "\x1b" not in shown

        document = json.loads(run(log, "show", entry_id, "--json").stdout)
        assert document["entry_id"] == entry_id
        assert document["at"] == int(entry_id.partition("-")[0])
        assert (document["by"], document["seq"], document["more_fields"]) == ("work\ner", "x", 0)
        assert [(field["name"], field["length"]) for field in document["fields"]] == [
            *(("op", 6), ("by", 7), ("seq", 1), ("note", 5000), ("note", 1))
        ]

    def test_show_of_an_entry_with_more_fields_than_are_kept(self, log: Log) -> None:
        entry_id = log.add("x", *(word for number in range(150) for word in (f"f{number}", "v")))
        log.drain()
        document = json.loads(run(log, "show", entry_id, "--json").stdout)
        assert (len(document["fields"]), document["more_fields"]) == (100, 51)
        assert "51 more fields" in run(log, "show", entry_id).stdout

    def test_show_of_what_is_not_there(self, log: Log) -> None:
        ended = run(log, "show", "5-5")
        assert ended.returncode == 1
        assert "entry 5-5 is not in the quarantine" in ended.stderr
        assert ended.stderr.endswith(f": projector quarantine list --namespace {log.namespace}\n")

    def test_a_server_that_is_down_is_one_line(self) -> None:
        ended = projector("quarantine", "list", "--url", "redis://127.0.0.1:1/0")
        assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (69, "", 1)


def test_waiting_ends_when_the_projector_does_not_come_to_it(log: Log, repairable: str) -> None:
    log.client.set(log.key("lease"), "somebody-who-does-nothing", px=60_000)
    with Quarantine(log.url, log.namespace) as quarantine:
        attempts = list(quarantine.retry([repairable]))
        assert quarantine.wait(attempts, seconds=0.1) is Folded.NOT_YET
