"""`projector log` and `tail` as processes: what they print, to whom, and how they end."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.support.archiving import archive, trim
from tests.support.commands import PROJECTOR, environment, projector, projector_read_in_part
from tests.support.projection import Log, completed, fill, raw_entries, started
from tests.support.servers import Server, vacant_port

pytestmark = pytest.mark.server

NASTY = 'de\x1b[31mploy\n\u202eabc \u05e9\u05dc\u05d5\u05dd \U0001f9a6"\\'


def shown(log: Log, *arguments: str, status: int = 0) -> str:
    ended = projector("log", *arguments, "--url", log.url, "--namespace", log.namespace)
    assert ended.returncode == status, ended.stderr
    return ended.stdout if status == 0 else ended.stderr


def process(words: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())


def ids(text: str) -> list[str]:
    return [json.loads(line)["entry_id"] for line in text.splitlines()]


def test_every_entry_is_a_line_and_the_newest_is_first(log: Log) -> None:
    fill(log)
    expected = [entry_id.decode() for entry_id, _ in raw_entries(log.client, log.key("wal"))]
    assert ids(shown(log, "--jsonl")) == expected[::-1]
    assert ids(shown(log, "--jsonl", "--reverse", "-n", "3")) == expected[:3]
    assert len(shown(log).splitlines()) == len(expected)


def test_a_line_tells_when_what_of_whom_how_and_who(log: Log) -> None:
    log.add(started("deploy", source="cron:nightly"), "by", "web-1:42:ab", "seq", "1", entry_id="1795000000000-1")
    log.add(completed("deploy", False, error="refused", duration_ms=62_000), entry_id="1795000001000-1")
    log.add("{", entry_id="1795000002000-1")
    assert shown(log, "--utc", "--reverse").splitlines() == [
        "2026-11-18 11:06:40  started    deploy  from cron:nightly  web-1",
        "2026-11-18 11:06:41  completed  deploy  1 min 2 s, failed: refused",
        "2026-11-18 11:06:42  unreadable  expected JSON, found text that is no JSON in UTF-8",
    ]


def test_filters_and_times_leave_out_the_rest(log: Log) -> None:
    first = log.add(completed("deploy-a", False, error="Connection refused"), entry_id="1795000000000-1")
    second = log.add(
        completed("deploy-b", duration_ms=700_000), "by", "web:1:a", "seq", "1", entry_id="1795000001000-1"
    )
    third = log.add(completed("backup", False), entry_id="1795000002000-1")
    cases = {
        ("--failed",): [third, first],
        ("--ok",): [second],
        ("--action", "deploy-*", "--type", "completed"): [second, first],
        ("--grep", "REFUSED"): [first],
        ("--longer-than", "10m"): [second],
        ("--host", "w?b"): [second],
        ("--label", "user=nobody"): [],
        ("--since", "2026-11-18T11:06:41Z", "--until", "2026-11-18T11:06:42Z"): [second],
    }
    for filters, expected in cases.items():
        assert ids(shown(log, "--jsonl", *filters)) == expected, filters


def test_raw_prints_the_lines_of_an_export(log: Log) -> None:
    fill(log)
    exported = projector("export", "--url", log.url, "--namespace", log.namespace).stdout
    assert shown(log, "--raw", "--reverse") == exported


def test_json_is_one_document_that_tells_whether_it_is_all(log: Log) -> None:
    moments = [1_795_000_000_000, 1_795_000_001_000, 1_795_000_002_000]
    for moment in moments:
        log.add(completed("a"), entry_id=f"{moment}-1")
    whole = json.loads(shown(log, "--json"))
    assert (whole["version"], whole["complete"], whole["since"], len(whole["records"])) == (1, True, None, 3)
    part = json.loads(shown(log, "--json", "-n", "2"))
    assert (part["complete"], part["since"], len(part["records"])) == (False, moments[1] + 1, 2)


def test_nothing_obeys_a_terminal_and_a_line_is_no_wider_than_it(log: Log) -> None:
    """Names of 256 characters, escape sequences, right-to-left text and emoji."""
    for name in (NASTY, "w" * 256, "\U0001f9a6" * 60):
        log.add(started(name, source=name))
        log.add(completed(name, False, error=name))
        log.add(
            json.dumps({"type": "cleanup_executed", "scanner_id": name, "resource_id": name, "action": name})[:-1]
            + ',"success":false,"executed_at":1}'
        )
    words = [*PROJECTOR, "log", "--url", log.url, "--namespace", log.namespace]
    ended = subprocess.run(words, capture_output=True, text=True, env=environment(COLUMNS="60"), timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(ended.stdout.splitlines()) == 9
    assert all(cell_len(line) <= 60 for line in ended.stdout.splitlines()), ended.stdout
    for text in (ended.stdout, shown(log)):
        assert not set(text) & {"\x1b", "\u202e"}
    assert "de\\x1b[31mploy\\n\\u202eabc" in shown(log)


def test_what_was_trimmed_comes_from_the_archive_or_is_told_to_be_missing(log: Log, tmp_path: Path) -> None:
    log.add_completions(50)
    expected = [entry_id.decode() for entry_id, _ in raw_entries(log.client, log.key("wal"))]
    found = archive(log, tmp_path)
    count = trim(log, found)
    assert count > 40
    words = ["log", "--jsonl", "--type", "completed", "--url", log.url, "--namespace", log.namespace]
    with_archive = projector(*words, "--archive", str(tmp_path))
    assert (ids(with_archive.stdout), with_archive.stderr) == (expected[::-1], "")
    without = projector(*words)
    gone = f"incomplete: {count} entries are no longer in the log; if they were archived: --archive WHERE\n"
    assert without.stderr == gone
    latest = len(expected) - count
    assert projector(*words, "-n", str(latest)).stderr == ""  # all that were asked for
    assert projector(*words, "-n", "1", "--reverse").stderr == gone
    assert not json.loads(projector(*words[:1], "--json", *words[2:]).stdout)["complete"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--type", "start"], "--type: expected one of started, completed,"),
        (["--label", "x"], "--label: expected NAME=VALUE, found 'x'"),
        (["--label", "=x"], "--label: expected NAME=VALUE, found '=x'"),
        (["--longer-than", "soon"], "--longer-than: expected a number and ms, s, m, h, d or w"),
        (["--follow", "--until", "1h"], "--until: what is followed has no end"),
        (["--follow", "--json"], "--json: what is followed is no whole document: --jsonl"),
        (["--raw", "--jsonl"], "--json, --jsonl, --raw: they exclude each other"),
    ],
)
def test_what_cannot_be_meant_is_refused_as_usage(log: Log, arguments: list[str], said: str) -> None:
    told = " ".join(shown(log, *arguments, status=2).replace("Invalid value for ", "").replace("'--", "--").split())
    assert said in told.replace("': ", ": ")


@pytest.mark.parametrize("follow", [["log", "--follow"], ["tail"]])
def test_what_is_followed_may_begin_at_a_time(log: Log, follow: list[str]) -> None:
    entries = [log.add(completed("a"), entry_id=f"{1_790_000_000_000 + number}-0") for number in range(30)]
    words = [*PROJECTOR, *follow, "--jsonl", "--since", "1790000000010", "--url", log.url]
    with process([*words, "--namespace", log.namespace]) as tail:
        assert tail.stdout is not None
        assert [json.loads(tail.stdout.readline())["entry_id"] for _ in range(20)] == entries[10:]
        tail.send_signal(signal.SIGINT)
        assert tail.wait(30) == 130


def test_a_log_without_such_entries_says_so_and_one_without_any_what_was_meant(log: Log) -> None:
    log.add_completions(1)
    assert shown(log, "--action", "other") == "no entry of the log is like that\n"
    for begun in (("--source", "cron:*"), ("--label", "env=prod")):
        assert "recent judges whole runs" in shown(log, "--failed", *begun)
    mistyped = projector("log", "--url", log.url, "--namespace", f"{log.namespace}x")
    assert f"Did you mean {log.namespace}?" in " ".join(mistyped.stdout.split())


def test_a_server_that_is_away_is_told_at_once_even_to_who_follows() -> None:
    ended = projector("tail", "--url", f"redis://127.0.0.1:{vacant_port()}")
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (69, "", 1)


def test_tail_begins_with_the_last_ten_goes_on_live_and_ends_by_ctrl_c(log: Log) -> None:
    log.add_completions(12)
    words = [*PROJECTOR, "tail", "--jsonl", "--url", log.url, "--namespace", log.namespace]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as tail:
        assert tail.stdout is not None
        assert tail.stderr is not None
        expected = [entry_id.decode() for entry_id, _ in raw_entries(log.client, log.key("wal"))][2:]
        assert [json.loads(tail.stdout.readline())["entry_id"] for _ in range(10)] == expected
        added = log.add(completed("b"))
        assert json.loads(tail.stdout.readline())["entry_id"] == added
        tail.send_signal(signal.SIGINT)
        assert (tail.wait(30), tail.stdout.read(), tail.stderr.read()) == (130, "", "")


def test_who_follows_is_told_once_that_the_server_is_away_and_once_that_it_is_back(own_server: Server) -> None:
    with own_server.client() as client:
        log = Log(client, own_server.url, "otters")
        log.add_completions(1)
        words = [*PROJECTOR, "tail", "--jsonl", "-n", "1", "--url", log.url]
        with process(words) as tail:
            assert tail.stdout is not None
            assert tail.stderr is not None
            tail.stdout.readline()
            own_server.kill()
            assert tail.stderr.readline().startswith("away: ")
            own_server.start()
            added = log.add(completed("b"))
            assert json.loads(tail.stdout.readline())["entry_id"] == added
            tail.send_signal(signal.SIGINT)
            assert (tail.wait(30), tail.stderr.read()) == (130, "back: going on where it stopped\n")


@pytest.mark.parametrize("command", [["log"], ["log", "--follow"]])
def test_a_reader_that_leaves_ends_it_quietly(log: Log, command: list[str]) -> None:
    for _ in range(3):
        log.add_completions(2000)
    options = ["-n", "6000", "--url", log.url, "--namespace", log.namespace]
    assert projector_read_in_part(*command, *options) == (0, "")


def test_a_terminal_gets_failures_in_red_and_a_bar_while_nothing_is_found(log: Log) -> None:
    log.add_completions(5000)
    log.add(completed("a", False))
    at_once = "import producer.terminal.progress as p; p._MOMENT_SECONDS = 0; import projector.cli as c; c.main()"
    words = [sys.executable, "-c", at_once, "log", "--failed", "--grep", "A"]
    words += ["--url", log.url, "--namespace", log.namespace]
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(words, stdout=theirs, stderr=theirs, env=environment(TERM="xterm")) as process:
            os.close(theirs)
            read = b""
            while True:
                try:
                    read += os.read(ours, 65536)
                except OSError:  # nobody writes any more
                    break
            assert process.wait(60) == 0
    finally:
        os.close(ours)
    assert b"\x1b[31m" in read
    assert b"Searching" in read
    assert read.count(b"\x1b[?25l") == read.count(b"\x1b[?25h"), "the cursor is given back"
