"""What the reading commands show: durations and moments, texts of any origin, tables, empty states, notices."""

from __future__ import annotations

import re
import time
from dataclasses import asdict, replace
from typing import Any

import pytest

from projector.answers.wording.amounts import ago, clock_time, duration
from projector.cli.display.report import Report
from projector.cli.display.wording import visible
from projector.cli.options import View
from projector.query import ActionStats, Records, Status, Totals
from projector.query.overview import ActionOverview, beside_usual
from projector.records import ActionExecutionRecord, CleanupRecord
from tests.support.report import NOW, RUNNING, STATUS, report

FRESH = replace(STATUS, checkpoint=None, entries=0, wal_length=0, lease_holder=None, lease_ttl_ms=None)

FAILED = ActionExecutionRecord(
    "deploy", "cron:nightly", "command", False, 5000, "connection refused", NOW - 12_000, "r1", None, None, "9-1"
)
CLEANED = CleanupRecord("stale-locks", "lock:deploy", "release", True, None, NOW - 180_000, None, "9-2")
STATS = ActionStats(
    "deploy", 4, 3, 1, 0, 1500, 6000, 30, 5000, NOW - 9_000_000, NOW, NOW, NOW - 60_000, "refused", 0, "9-4"
)
ONE = ActionOverview(**asdict(STATS), in_flight=[], orphans=[])
LONG = "x" * 5000


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0 ms"),
        (850, "850 ms"),
        (999, "999 ms"),
        (1000, "1.0 s"),
        (5000, "5.0 s"),
        (59_999, "59.9 s"),
        (60_000, "1 min 0 s"),
        (123_456, "2 min 3 s"),
        (12_000_000, "3 h 20 min"),
        (356_400_000, "4 d 3 h"),
        (2**53 - 1, "104249991 d 8 h"),
    ],
)
def test_a_duration_is_told_in_the_units_of_its_size_and_never_rounded_up(milliseconds: int, text: str) -> None:
    assert duration(milliseconds) == text


@pytest.mark.parametrize(
    ("before_now", "text"),
    [
        (0, "now"),
        (999, "now"),
        (12_999, "12 s ago"),
        (180_000, "3 min ago"),
        (7_199_999, "1 h ago"),
        (86_400_000, "1 d ago"),
        (NOW, "20717 d ago"),
        (-500, "now"),
        (-180_000, "in 3 min"),
    ],
)
def test_a_moment_is_told_from_now_also_when_a_producers_clock_is_ahead(before_now: int, text: str) -> None:
    assert ago(NOW - before_now, NOW) == text


def test_a_time_beyond_the_calendar_is_told_as_a_number() -> None:
    assert clock_time(2**53 - 1) == "9007199254740991"
    assert clock_time(NOW).startswith("2026-09-")


@pytest.mark.parametrize(
    ("zone", "utc", "told"),
    [
        ("Europe/Berlin", False, "2026-09-21 16:13:20 +02:00"),
        ("Asia/Kolkata", False, "2026-09-21 19:43:20 +05:30"),
        ("UTC", False, "2026-09-21 14:13:20 UTC"),
        ("Europe/Berlin", True, "2026-09-21 14:13:20 UTC"),
    ],
)
def test_a_clock_time_carries_its_zone(monkeypatch: pytest.MonkeyPatch, zone: str, utc: bool, told: str) -> None:
    try:
        with monkeypatch.context() as patch:
            patch.setenv("TZ", zone)
            time.tzset()
            page = report(width=200, utc=utc)
            page.cleanups([replace(CLEANED, timestamp=NOW)])
            page.action(replace(ONE, last_at=NOW, last_success_at=NOW))
            page.status()
            shown = page.text()
    finally:
        time.tzset()
    assert clock_time(NOW, utc=True) == "2026-09-21 14:13:20 UTC"
    assert shown.count(told) == 2
    assert len(re.findall(r"\d\d:\d\d:\d\d (UTC|\+0[25]:[03]0)", shown)) == len(re.findall(r"\d:\d\d:\d\d", shown))


def test_what_a_terminal_would_obey_is_made_visible() -> None:
    assert visible("a\nb\tc\x1b[31m\x9b\u202ed\u2028e\r") == r"a\nb\tc\x1b[31m\x9b\u202ed\u2028e\r"
    assert visible("plain, Umläute, 日本, 🦦, a\xa0b") == "plain, Umläute, 日本, 🦦, a\xa0b"


class TestTables:
    def test_an_execution_is_a_line_with_when_what_how_long_by_whom_and_how_it_ended(self) -> None:
        page = report()
        page.executions([FAILED, replace(FAILED, success=True, error=None, source=None)])
        header, failed, succeeded = page.text().splitlines()
        assert header.split() == ["When", "Run", "Action", "Took", "Source", "Result"]
        assert failed.split() == [
            "12",
            "s",
            "ago",
            "r1",
            "deploy",
            "5.0",
            "s",
            "cron:nightly",
            "failed:",
            "connection",
            "refused",
        ]
        assert succeeded.split() == ["12", "s", "ago", "r1", "deploy", "5.0", "s", "–", "ok"]

    def test_a_run_presumed_dead_says_so_and_one_that_was_resolved_too(self) -> None:
        dead = replace(FAILED, orphaned=True, duration_ms=None, error="silent")
        settled = replace(FAILED, resolved=True, duration_ms=None, error="killed by hand")
        page = report(width=150)
        page.executions([dead, settled])
        page.failures([dead, settled])
        lines = [line.split("cron:nightly")[1].strip() for line in page.text().splitlines() if "deploy" in line]
        assert [line.split("  ")[0] for line in lines] == [
            *("presumed dead: silent", "failed (resolved): killed by hand"),
            *("presumed dead: silent", "killed by hand"),
        ]

    def test_who_ran_it_comes_from_the_labels_else_from_the_producer(self) -> None:
        labels = {"user": "ann", "host": "build-1", "cwd": "/"}
        page = report(width=150)
        page.executions([replace(FAILED, labels=labels, by="other:1:x"), replace(FAILED, by="build-2:1:x"), FAILED])
        page.cleanups([replace(CLEANED, labels=labels)])
        header, *lines = page.text().splitlines()
        at = header.index("Who")
        assert [line[at:].split("  ")[0] for line in lines[:3]] == ["ann@build-1", "build-2", "–"]
        assert "ann@build-1" in lines[-1]

    @pytest.mark.parametrize(
        ("records", "told"),
        [
            (Records([FAILED], complete=False, since=NOW), "older ones, before 20"),
            (Records([FAILED] * 10, complete=False, since=NOW), None),
            (Records([FAILED]), None),
        ],
        ids=["pushed out", "cut by the limit", "complete"],
    )
    def test_a_list_says_that_older_records_were_pushed_out(
        self, records: Records[ActionExecutionRecord], told: str | None
    ) -> None:
        page = report()
        page.executions(records)
        page.reach(records, 10, None)
        text = page.text()
        assert ("pushed out" in text) == (told is not None)
        if told:
            assert told in " ".join(text.split())
            assert " ".join(text.split()).endswith(": --since goes on into the log")

    def test_failures_show_the_error_alone(self) -> None:
        page = report()
        page.failures([FAILED])
        assert page.text().splitlines()[1].endswith("cron:nightly  connection refused")

    @pytest.mark.parametrize(
        ("execution_id", "shown"),
        [("1f3a5b7c9d0e2f48", "1f3a5b7c"), ("nightly-17", "nightly-17"), (None, "9-1")],
        ids=["random", "of the caller's own", "none"],
    )
    @pytest.mark.parametrize("width", [80, 120])
    def test_each_run_has_the_id_that_show_takes(self, execution_id: str | None, shown: str, width: int) -> None:
        page = report(width=width)
        page.failures([replace(FAILED, execution_id=execution_id, error=LONG)])
        header, line = page.text().splitlines()
        assert header.split()[:2] == ["When", "Run"]
        assert shown in line.split()

    def test_a_wide_terminal_shows_the_time_and_the_entry_too(self) -> None:
        page = report(width=200)
        page.executions([FAILED])
        header, line = page.text().splitlines()
        assert (header.split()[-2:], line.split()[-1]) == (["At", "Entry"], "9-1")
        assert clock_time(FAILED.timestamp) in line

    @pytest.mark.parametrize(("width", "more"), [(60, []), (72, []), (80, ["At"]), (120, ["At", "Entry"])])
    def test_columns_that_can_be_left_out_show_as_soon_as_there_is_room(self, width: int, more: list[str]) -> None:
        page = report(width=width)
        page.cleanups([replace(CLEANED, entry_id="1789999990000-0")])
        header, line = page.text().splitlines()
        assert header.split() == ["When", "Scanner", "Did", "Resource", "Result", *more]
        assert "…" not in line

    def test_wide_shows_all_columns_on_a_narrow_terminal_too(self) -> None:
        page = report(width=60, wide=True)
        page.executions([replace(FAILED, error=LONG)])
        header, line = page.text().splitlines()
        assert (header.split()[-2:], line.split()[-1]) == (["At", "Entry"], "9-1")
        assert "x…" in line

    @pytest.mark.parametrize("width", [60, 200])
    def test_no_trunc_folds_a_long_text_and_cuts_nothing(self, width: int) -> None:
        page = report(width=width, no_trunc=True)
        long = LONG.replace("x", "@")
        page.failures([replace(FAILED, error=long)])
        page.action(replace(ONE, last_error=long))
        shown = page.text()
        assert shown.count("@") == 2 * len(long)
        assert "…" not in shown
        assert max(map(len, shown.splitlines())) <= width

    def test_no_trunc_folds_nothing_where_grep_reads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("COLUMNS", raising=False)
        page = Report(STATUS, View(now=NOW, no_trunc=True), list)
        page.failures([replace(FAILED, error=LONG)])
        _, line = page.text().splitlines()
        assert LONG in line
        assert "9-1" in line

    @pytest.mark.parametrize("width", [60, 80, 120, 160, 200])
    def test_no_text_however_long_breaks_the_line(self, width: int) -> None:
        page = report(replace(STATUS, in_flight=2), width=width)
        page.totals(Totals(4, 3, 1, 0, 2, 1))
        page.actions([replace(STATS, action_id=LONG, last_error=LONG, consecutive_failures=9)], limit=10)
        context: Any = {"labels": {"user": LONG, "host": "h\n\u202e"}, "execution_id": LONG}
        page.executions([replace(FAILED, action_id=LONG, source=LONG, error="a\n" * 2000, command=LONG, **context)])
        failed: Any = {"success": False, "error": LONG}
        page.cleanups([replace(CLEANED, scanner_id=LONG, resource_id=LONG, action=LONG, **failed, **context)])
        run = replace(RUNNING, action_id=LONG, source=LONG, execution_id=LONG, by=LONG)
        page.in_flight(beside_usual([run], {}, now=NOW))
        lines = page.text().splitlines()
        assert len(lines) == 2 + 4 * 3 + 1, "two totals, and four times a blank line, a header, a row; one title"
        assert max(map(len, lines)) <= width
        assert sum("…" in line for line in lines) == 4

    @pytest.mark.parametrize("name", ["[red]x[/red]", "[/]", ":otter:", "[link=http://x]y", "a\\[b]"])
    def test_markup_in_a_name_or_a_text_is_printed_as_it_is(self, name: str) -> None:
        page = report(width=150)
        page.executions([replace(FAILED, action_id=name, source=name, error=name)])
        page.action(replace(ONE, action_id=name, last_error=name))
        page.actions([replace(STATS, action_id=name)], limit=1)
        assert page.text().count(name) == 6

    def test_nothing_is_coloured_where_nobody_looks(self) -> None:
        page = report()
        page.executions([FAILED])
        assert "\x1b" not in page.text()

    def test_failures_are_red_on_a_terminal_unless_no_color_is_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setattr("projector.cli.display.page.is_terminal", lambda: True)
        page = report()
        page.executions([FAILED])
        assert "\x1b[31mfailed: connection refused" in page.text()
        monkeypatch.setenv("NO_COLOR", "1")
        page = report()
        page.executions([FAILED])
        assert "\x1b[31m" not in page.text()

    def test_no_line_ends_in_blanks(self) -> None:
        page = report()
        page.executions([FAILED, replace(FAILED, error="x")])
        page.status()
        assert [line for line in page.text().splitlines() if line != line.rstrip()] == []

    def test_a_run_in_flight_says_for_how_long(self) -> None:
        page = report()
        page.in_flight(beside_usual([RUNNING, replace(RUNNING, started_at=NOW + 5000)], {}, now=NOW))
        assert [line.strip().split("  ")[0] for line in page.text().splitlines()] == ["For", "2 min 3 s", "0 ms"]

    def test_an_action_says_how_its_latest_run_went(self) -> None:
        page = report()
        failing = replace(STATS, consecutive_failures=3)
        page.actions([STATS, failing, replace(failing, consecutive_failures=1, last_error=None)], limit=10)
        ends = [line.split("now")[1].strip() for line in page.text().splitlines()[2:]]
        assert ends == ["ok", "failed 3 times in a row: refused", "failed"]

    def test_an_actions_state_says_how_many_of_its_runs_are_presumed_dead(self) -> None:
        page = report(width=150)
        dead = replace(STATS, total_executions=0, orphaned=2)
        failing = replace(dead, consecutive_failures=2, last_error="silent")
        page.actions([dead, failing, replace(STATS, orphaned=1)], limit=10)
        ends = [line.split("now")[1].strip() for line in page.text().splitlines()[2:]]
        assert ends == ["2 presumed dead", "failed 2 times in a row, 2 presumed dead: silent", "ok, 1 presumed dead"]

    def test_runs_that_somebody_resolved_have_no_duration(self) -> None:
        page = report(width=150)
        settled = replace(
            ONE, total_executions=1, resolved=1, duration_ms_min=0, duration_ms_max=0, avg_duration_ms=0
        )
        page.action(settled)
        page.actions([settled], limit=1)
        assert "Duration      –" in page.text().splitlines()
        assert "0 ms" not in page.text()

    def test_the_actions_that_are_left_out_are_counted(self) -> None:
        page = report()
        page.actions([STATS] * 3, limit=2)
        lines = page.text().splitlines()
        assert lines[0] == "Actions (2 of 3, the latest)"
        assert len(lines) == 4

    def test_one_actions_statistics(self) -> None:
        page = report()
        page.action(replace(ONE, orphaned=2))
        shown = {line[:13].strip(): line[13:].strip() for line in page.text().splitlines()}
        assert shown["Action"] == "deploy"
        assert shown["State"] == "ok, 2 presumed dead"
        assert shown["Executions"] == "4, 1 failed (25.0 %)"
        assert shown["Presumed dead"] == "2"
        assert shown["Duration"] == "1.5 s on average, 30 ms to 5.0 s"
        assert shown["Last failure"].startswith("1 min ago, 2026-")
        assert shown["Last error"] == "refused"


class TestEmptyStates:
    def test_of_a_namespace_without_a_record_name_the_command_that_makes_one(self) -> None:
        for status, option in ((FRESH, ""), (replace(FRESH, namespace="n"), "--namespace n ")):
            page = report(status, width=200)
            page.totals(Totals(0, 0, 0, 0, 0, 0))
            assert page.text() == (
                f"nothing has been recorded in namespace {status.namespace} yet; "
                f"record something with: producer run {option}--action hello -- echo hello\n"
            )

    @pytest.mark.parametrize(
        ("namespace", "there", "told"),
        [
            (
                "otter",
                ["mine", "otters"],
                "nothing has been recorded in namespace otter yet; namespaces on this server: mine, otters. "
                "Did you mean otters?",
            ),
            (
                "new",
                ["mine", "otters"],
                "nothing has been recorded in namespace new yet; namespaces on this server: mine, otters; "
                "record something with: producer run --namespace new --action hello -- echo hello",
            ),
        ],
    )
    def test_of_a_namespace_without_a_record_name_those_that_have_some(
        self, namespace: str, there: list[str], told: str
    ) -> None:
        status = replace(FRESH, namespace=namespace)
        for shows_status in (True, False):
            page = report(status, width=200, namespaces=there)
            page.status() if shows_status else page.executions([])
            assert page.text().splitlines()[-1] == told

    def test_of_very_many_namespaces_name_some(self) -> None:
        page = report(FRESH, width=300, namespaces=[f"n{number:02}" for number in range(50)])
        page.executions([])
        assert "n18, n19, …; record something" in page.text()

    def test_of_a_log_that_nobody_has_projected_name_the_projector(self) -> None:
        page = report(replace(FRESH, wal_length=120, lag=120))
        page.executions([])
        assert page.text().splitlines() == [
            "nothing has been projected in namespace otters yet",
            "",
            "no projector is active; 120 entries wait; start one: projector run",
        ]

    def test_of_a_projection_say_what_there_is_none_of(self) -> None:
        page = report()
        page.failures([])
        page.cleanups([])
        page.in_flight([])
        page.orphans([])
        assert [line for line in page.text().splitlines() if line] == [
            "no execution has failed",
            "nothing has been cleaned up yet",
            "nothing runs",
            "Presumed dead",
            "nothing is presumed dead",
        ]


@pytest.mark.parametrize(
    ("status", "notice"),
    [
        (STATUS, None),
        (FRESH, None),
        (replace(STATUS, lag=1, wal_length=1001), "the projector is behind: 1 entry waits"),
        (replace(STATUS, lag=12_000, wal_length=13_000), "the projector is behind: 12,000 entries wait"),
        (
            replace(STATUS, lease_holder=None, lease_ttl_ms=None),
            "no projector is active; nothing waits; start one: projector run",
        ),
        (
            replace(STATUS, lease_holder=None, lease_ttl_ms=None, lag=120, wal_length=1120),
            "no projector is active; 120 entries wait; start one: projector run",
        ),
        (
            replace(STATUS, lag=None),
            "the log has fewer entries than were projected: it was replaced; repair it with: projector rebuild",
        ),
        (
            replace(STATUS, torn=True, lag=None),
            "the last commit was cut off half written; repair it with: projector rebuild",
        ),
    ],
)
def test_one_line_below_a_report_says_when_it_may_not_be_all(status: Status, notice: str | None) -> None:
    page = report(status, width=200)
    page.executions([FAILED])
    assert page.text().splitlines()[2:] == ([] if notice is None else ["", notice])


def test_a_loss_is_told_in_its_number_on_a_line_of_80_columns() -> None:
    page = report(replace(STATUS, lost=1))
    page.status()
    page.totals(Totals(1200, 1000, 200, 1, 3, 0))
    status, totals = [line for line in page.text().splitlines() if line.startswith("Lost")]
    for line in (status, totals):
        assert line.split(maxsplit=2) == ["Lost", "1", "entry of the log, for ever: counted nowhere"]


def test_the_status_names_the_projector_the_lag_and_what_was_lost() -> None:
    page = report(replace(STATUS, lag=7, missing=3, orphans=2, quarantined=1))
    page.status()
    shown = {line[:13].strip(): line[13:].strip() for line in page.text().splitlines()}
    assert shown["Projector"] == "host:17:abcdef, its lease lasts for another 4.2 s"
    assert shown["Stands at"].startswith("1789999990000-0, 10 s ago, 2026-")
    assert shown["Entries"] == "1,234 projected, 7 entries wait"
    assert shown["Log"] == "1,000 entries, 234 trimmed"
    assert shown["Missing"] == "3 numbered by their producers, and never arrived"
    assert shown["Presumed dead"] == "2"
    assert shown["Quarantined"] == "1 could not be read"
    assert shown["Bounds"] == "max_entries 1000"


def test_totals_say_what_share_failed_and_what_runs() -> None:
    page = report(replace(STATUS, in_flight=2, orphans=1))
    page.totals(Totals(1200, 1000, 200, 1, 3, 0))
    executions, cleanups = page.text().splitlines()
    assert executions == "Executions  1,200  200 failed (16.7 %), 2 running, 1 presumed dead"
    assert cleanups == "Cleanups        3  0 failed"
