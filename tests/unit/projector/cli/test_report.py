"""What the reading commands show: durations and moments, texts of any origin, tables, empty states, notices."""

from __future__ import annotations

from dataclasses import replace

import pytest

from projector.cli.display.durations import ago, clock_time, duration
from projector.cli.display.visible import visible
from projector.query import ActionStats, Status, Totals
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


def test_what_a_terminal_would_obey_is_made_visible() -> None:
    assert visible("a\nb\tc\x1b[31m\x9b\u202ed\u2028e\r") == r"a\nb\tc\x1b[31m\x9b\u202ed\u2028e\r"
    assert visible("plain, Umläute, 日本, 🦦, a\xa0b") == "plain, Umläute, 日本, 🦦, a\xa0b"


class TestTables:
    def test_an_execution_is_a_line_with_when_what_how_long_by_whom_and_how_it_ended(self) -> None:
        page = report()
        page.executions([FAILED, replace(FAILED, success=True, error=None, source=None)])
        header, failed, succeeded = page.text().splitlines()
        assert header.split() == ["When", "Action", "Took", "Source", "Result"]
        assert failed.split() == [
            "12",
            "s",
            "ago",
            "deploy",
            "5.0",
            "s",
            "cron:nightly",
            "failed:",
            "connection",
            "refused",
        ]
        assert succeeded.split() == ["12", "s", "ago", "deploy", "5.0", "s", "–", "ok"]

    def test_failures_show_the_error_alone(self) -> None:
        page = report()
        page.failures([FAILED])
        assert page.text().splitlines()[1].endswith("cron:nightly  connection refused")

    def test_a_wide_terminal_shows_the_time_the_run_and_the_entry_too(self) -> None:
        page = report(width=200)
        page.executions([FAILED])
        header, line = page.text().splitlines()
        assert header.split()[-3:] == ["At", "Run", "Entry"]
        assert line.split()[-2:] == ["r1", "9-1"]
        assert clock_time(FAILED.timestamp) in line

    @pytest.mark.parametrize("width", [60, 80, 120, 160, 200])
    def test_no_text_however_long_breaks_the_line(self, width: int) -> None:
        page = report(replace(STATUS, in_flight=2), width=width)
        page.totals(Totals(4, 3, 1, 0, 2, 1))
        page.actions([replace(STATS, action_id=LONG, last_error=LONG, consecutive_failures=9)], limit=10)
        page.executions([replace(FAILED, action_id=LONG, source=LONG, error="a\n" * 2000, execution_id=LONG)])
        page.cleanups([replace(CLEANED, scanner_id=LONG, resource_id=LONG, action=LONG, success=False, error=LONG)])
        page.in_flight([replace(RUNNING, action_id=LONG, source=LONG, execution_id=LONG, by=LONG)])
        lines = page.text().splitlines()
        assert len(lines) == 2 + 4 * 3 + 1, "two totals, and four times a blank line, a header, a row; one title"
        assert max(map(len, lines)) <= width
        assert sum("…" in line for line in lines) == 4

    @pytest.mark.parametrize("name", ["[red]x[/red]", "[/]", ":otter:", "[link=http://x]y", "a\\[b]"])
    def test_markup_in_a_name_or_a_text_is_printed_as_it_is(self, name: str) -> None:
        page = report(width=150)
        page.executions([replace(FAILED, action_id=name, source=name, error=name)])
        page.action(replace(STATS, action_id=name, last_error=name))
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
        page.in_flight([RUNNING, replace(RUNNING, started_at=NOW + 5000)])
        assert [line.strip().split("  ")[0] for line in page.text().splitlines()] == ["For", "2 min 3 s", "0 ms"]

    def test_an_action_says_how_its_latest_run_went(self) -> None:
        page = report()
        failing = replace(STATS, consecutive_failures=3)
        page.actions([STATS, failing, replace(failing, consecutive_failures=1, last_error=None)], limit=10)
        ends = [line.split("now")[1].strip() for line in page.text().splitlines()[2:]]
        assert ends == ["ok", "failed 3 times in a row: refused", "failed"]

    def test_the_actions_that_are_left_out_are_counted(self) -> None:
        page = report()
        page.actions([STATS] * 3, limit=2)
        lines = page.text().splitlines()
        assert lines[0] == "Actions (2 of 3, the latest)"
        assert len(lines) == 4

    def test_one_actions_statistics(self) -> None:
        page = report()
        page.action(replace(STATS, orphaned=2))
        shown = {line[:13].strip(): line[13:].strip() for line in page.text().splitlines()}
        assert shown["Action"] == "deploy"
        assert shown["State"] == "ok"
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
        assert [line for line in page.text().splitlines() if line] == [
            "no execution has failed",
            "nothing has been cleaned up yet",
            "nothing runs",
        ]


@pytest.mark.parametrize(
    ("status", "notice"),
    [
        (STATUS, None),
        (FRESH, None),
        (replace(STATUS, lag=1), "the projector is behind: 1 entry waits"),
        (replace(STATUS, lag=12_000), "the projector is behind: 12,000 entries wait"),
        (
            replace(STATUS, lease_holder=None),
            "no projector is active; nothing waits; start one: projector run",
        ),
        (
            replace(STATUS, lease_holder=None, lag=120),
            "no projector is active; 120 entries wait; start one: projector run",
        ),
        (
            replace(STATUS, lag=None),
            "the log has fewer entries than were projected: it was replaced; mend it with: projector rebuild",
        ),
        (
            replace(STATUS, torn=True, lag=None),
            "the last commit was cut off half written; mend it with: projector rebuild",
        ),
    ],
)
def test_one_line_below_a_report_says_when_it_may_not_be_all(status: Status, notice: str | None) -> None:
    page = report(status, width=200)
    page.executions([FAILED])
    assert page.text().splitlines()[2:] == ([] if notice is None else ["", notice])


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
