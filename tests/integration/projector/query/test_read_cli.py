"""The commands that read, as processes: what they print, how they exit, and that nothing ends in a traceback."""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis

from projector.answers.documents.answer import plain
from projector.records import ActionExecutionRecord, CleanupRecord, InFlightRecord
from tests.support.commands import PROJECTOR, environment, projector, projector_read_in_part
from tests.support.servers import Server, vacant_port

pytestmark = pytest.mark.server

COMMANDS = ["stats", "recent", "failures", "cleanups", "in-flight", "history", "status"]

NOW = int(time.time() * 1000)
EXECUTIONS = [
    ActionExecutionRecord("backup", "cron:nightly", "task", True, 850, None, NOW, None, None, None, "3-0"),
    ActionExecutionRecord("deploy", "manual", "command", False, 5000, "refused", NOW, None, None, None, "2-0"),
]
CLEANUPS = [
    CleanupRecord("worktrees", "worktree:/x", "delete", False, "busy", NOW, None, "5-0"),
    CleanupRecord("stale-locks", "lock:deploy", "release", True, None, NOW, None, "4-0"),
]
RUNNING = InFlightRecord("sync", "manual", "command", NOW, None, None, False, "6-0")


@pytest.fixture
def options(shared_server: Server, client: redis.Redis, namespace: str) -> list[str]:
    """The options that name a namespace with a small projection, written by hand."""
    tag = f"{{{namespace}}}"

    def push(key: str, *records: object) -> None:
        client.rpush(f"{tag}:{key}", *map(orjson.dumps, records))

    push("executions", *EXECUTIONS)
    push("executions:deploy", EXECUTIONS[1])
    push("failures", EXECUTIONS[1])
    push("cleanups", *CLEANUPS)
    client.hset(f"{tag}:in_flight", "sync", orjson.dumps(RUNNING))
    client.hset(f"{tag}:totals", mapping={"total_executions": 2, "successes": 1, "failures": 1, "cleanups": 2})
    client.hset(f"{tag}:action:deploy", mapping={"total_executions": 1, "failures": 1, "last_entry_id": "2-0"})
    client.zadd(f"{tag}:actions", {"deploy": 2})
    client.xadd(f"{tag}:wal", {"op": "1"}, id="6-0")
    client.hset(f"{tag}:checkpoint", mapping={"last_id": "6-0", "entries": 1})
    return ["--url", shared_server.url, "--namespace", namespace]


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


class TestTables:
    def test_stats_is_one_report_of_totals_actions_executions_and_cleanups(self, options: list[str]) -> None:
        shown = projector("stats", *options).stdout
        for title in ("Executions", "Actions", "Recent executions", "Recent cleanups"):
            assert any(line.startswith(title) for line in shown.splitlines()), shown
        assert shown.index("1 failed (50.0 %), 1 running") < shown.index("worktree:/x")
        start = f"start one: projector run --namespace {options[-1]}"
        assert shown.endswith(f"no projector is active; nothing waits; {start}\n")

    def test_stats_of_one_action(self, options: list[str]) -> None:
        shown = projector("stats", "deploy", *options).stdout
        assert "1, 1 failed (100.0 %)" in shown
        assert "refused" in shown
        assert "backup" not in shown

    def test_stats_of_an_action_that_runs_for_the_first_time(self, options: list[str]) -> None:
        shown = projector("stats", "sync", *options)
        assert shown.returncode == 0
        assert "Running" in shown.stdout

    def test_stats_of_an_action_never_seen_say_so_and_exit_with_1(self, options: list[str]) -> None:
        ended = projector("stats", "dep\x1bloy", *options)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr == (
            f"projector: there is no action dep\\x1bloy in namespace {options[-1]}. Did you mean deploy?\n"
        )

    @pytest.mark.parametrize(
        ("command", "name", "told"),
        [
            (["stats"], "nosuch", "action nosuch in namespace {0}; those there are: projector stats --namespace {0}"),
            (
                ["recent", "--action"],
                "nosuch",
                "action nosuch in namespace {0}; those there are: projector stats --namespace {0}",
            ),
            (["recent", "--failed", "--action"], "deplyo", "action deplyo in namespace {}. Did you mean deploy?"),
            (["cleanups", "--scanner"], "work-trees", "scanner work-trees in namespace {}. Did you mean worktrees?"),
        ],
    )
    def test_a_name_never_seen_is_told_with_the_one_that_was_meant(
        self, options: list[str], client: redis.Redis, command: list[str], name: str, told: str
    ) -> None:
        client.zadd(f"{{{options[-1]}}}:scanners", {"worktrees": 5})
        client.hset(f"{{{options[-1]}}}:scanner:worktrees", mapping={"total_cleanups": 1, "last_entry_id": "5-0"})
        ended = projector(*command, name, *options)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith(f"projector: there is no {told.format(options[-1])}")
        as_json = projector(*command, name, "--json", *options)
        assert (as_json.returncode, as_json.stderr) == (0, "")
        assert command == ["stats"] or json.loads(as_json.stdout)["records"] == []

    def test_a_known_action_without_such_runs_is_no_failure(self, options: list[str]) -> None:
        for arguments in (["--action", "deploy", "--succeeded"], ["--action", "sync"]):
            ended = projector("recent", *arguments, *options)
            assert (ended.returncode, ended.stdout.splitlines()[0]) == (0, "no execution that has ended is like that")

    @pytest.mark.parametrize("command", [*COMMANDS, "quarantine list", "verify", "doctor"])
    def test_a_mistyped_namespace_is_told_with_the_one_that_was_meant(self, options: list[str], command: str) -> None:
        *server, _, namespace = options
        shown = projector(*command.split(), *server, "--namespace", f"{namespace}x").stdout
        assert f"Did you mean {namespace}?" in " ".join(shown.split())

    def test_an_action_in_a_mistyped_namespace_too(self, options: list[str]) -> None:
        *server, _, namespace = options
        ended = projector("stats", "deploy", *server, "--namespace", f"{namespace}x")
        assert ended.returncode == 1
        assert f"Did you mean {namespace}?" in ended.stderr

    @pytest.mark.parametrize(
        "command", ["stats", "stats deploy", "recent", "failures", "cleanups", "in-flight", "quarantine list"]
    )
    def test_wide_no_trunc_and_utc_are_options_of_every_table(
        self, options: list[str], client: redis.Redis, command: str
    ) -> None:
        client.xadd(f"{{{options[-1]}}}:quarantine", {"reason": "r"}, id="7-0")
        ended = projector(*command.split(), "--wide", "--no-trunc", "--utc", *options)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert command == "quarantine list" or " UTC" in ended.stdout

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ([], ["backup", "deploy"]),
            (["--failed"], ["deploy"]),
            (["--succeeded"], ["backup"]),
            (["--action", "deploy"], ["deploy"]),
            (["--limit", "1"], ["backup"]),
        ],
    )
    def test_recent_filters(self, options: list[str], filters: list[str], expected: list[str]) -> None:
        found = json.loads(projector("recent", "--json", *filters, *options).stdout)
        assert [record["action_id"] for record in found["records"]] == expected
        shown = projector("recent", *filters, *options).stdout
        assert [name for name in ("backup", "deploy") if name in shown] == expected

    def test_in_flight_shows_all_unless_told_how_many(
        self, options: list[str], client: redis.Redis, namespace: str
    ) -> None:
        later = replace(RUNNING, action_id="later", entry_id="7-0")
        client.hset(f"{{{namespace}}}:in_flight", "later", orjson.dumps(later))
        everything = projector("in-flight", *options).stdout
        assert 0 < everything.index("later") < everything.index("sync")
        shown = projector("in-flight", "--limit", "1", *options).stdout
        assert "later" in shown
        assert "sync" not in shown
        listed = json.loads(projector("in-flight", "--limit", "1", "--json", *options).stdout)
        assert [record["action_id"] for record in listed] == ["later"]

    def test_status_check_tells_by_its_exit_status_whether_a_projector_is_active(
        self, options: list[str], client: redis.Redis, namespace: str
    ) -> None:
        idle = projector("status", "--check", *options)
        assert (idle.returncode, idle.stderr.count("\n")) == (1, 1)
        start = f"start one: projector run --namespace {namespace}\n"
        assert idle.stderr.endswith(f"no projector is active in namespace {namespace}; {start}")
        assert projector("status", *options).returncode == 0
        client.set(f"{{{namespace}}}:lease", "somebody")
        endless = projector("status", "--check", *options)
        cure = f"somebody wrote its lease, which never ends: repair it with: redis-cli DEL '{{{namespace}}}:lease'\n"
        assert (endless.returncode, endless.stderr) == (
            1,
            f"projector: no projector is active in namespace {namespace}; {cure}",
        )
        assert endless.stdout.endswith(f"no projector is active; nothing waits; {cure}")
        client.set(f"{{{namespace}}}:lease", "somebody", px=60_000)
        working = projector("status", "--check", *options)
        assert (working.returncode, working.stderr) == (0, "")

    def test_without_a_checkpoint_a_rebuild_is_advised_because_a_projector_would_end_at_once(
        self, options: list[str], client: redis.Redis, namespace: str
    ) -> None:
        client.delete(f"{{{namespace}}}:checkpoint")
        shown = projector("status", "--check", *options)
        named = f"--namespace {namespace}"
        cure = f"; first projector rebuild {named}, then projector run {named}\n"
        assert (shown.returncode, shown.stderr.endswith(cure)) == (1, True)
        deleted = "there is a projection without its checkpoint, which somebody deleted"
        assert shown.stdout.endswith(f"{deleted}; repair it with: projector rebuild {named}\n")

    def test_the_other_lists(self, options: list[str]) -> None:
        assert "refused" in projector("failures", *options).stdout
        assert "lock:deploy" in projector("cleanups", *options).stdout
        assert "lock:deploy" not in projector("cleanups", "--scanner", "worktrees", *options).stdout
        assert "sync" in projector("in-flight", *options).stdout
        assert "6-0" in projector("status", *options).stdout

    @pytest.mark.parametrize("command", COMMANDS)
    def test_a_fresh_namespace_is_no_failure(self, shared_server: Server, namespace: str, command: str) -> None:
        ended = projector(command, "--url", shared_server.url, "--namespace", namespace)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert "nothing" in ended.stdout


def printed(record: object, options: list[str]) -> Any:
    """A record of the namespace that `options` end with, as a document has it."""
    return {**plain(record), "namespace": options[-1]}


class TestJson:
    def test_records_are_what_the_library_answers(self, options: list[str]) -> None:
        def answered(*arguments: str) -> object:
            return json.loads(projector(*arguments, "--json", *options).stdout)

        whole = {"version": 1, "complete": True, "since": None}
        assert answered("recent") == whole | {"records": [printed(record, options) for record in EXECUTIONS]}
        assert answered("failures") == whole | {"records": [printed(EXECUTIONS[1], options)]}
        assert answered("cleanups") == whole | {"records": [printed(record, options) for record in CLEANUPS]}
        assert answered("cleanups", "--limit", "1") == {
            **whole,
            "complete": False,
            "since": 5,
            "records": [printed(CLEANUPS[0], options)],
        }
        against = {"p95_duration_ms": None, "overdue": False}
        assert answered("in-flight") == [printed(RUNNING, options) | against]
        assert answered("in-flight", "--orphans") == []

    @pytest.mark.parametrize(
        ("command", "name", "expected"),
        [
            ("recent", "action_id", ["backup", "deploy"]),
            ("failures", "error", ["refused"]),
            ("cleanups", "resource_id", ["worktree:/x", "lock:deploy"]),
            ("in-flight", "action_id", ["sync"]),
            ("in-flight --orphans", "action_id", []),
            ("stats --sort volume", "action_id", ["deploy"]),
            ("stats --limit 0", "action_id", []),
            ("stats deploy", "failures", ["1"]),
        ],
    )
    def test_rows_are_lines_of_json_or_csv_with_the_same_fields(
        self, options: list[str], command: str, name: str, expected: list[str]
    ) -> None:
        lines = projector(*command.split(), "--jsonl", *options).stdout.splitlines()
        assert [str(json.loads(line)[name]) for line in lines] == expected
        table = list(csv.DictReader(projector(*command.split(), "--format", "csv", *options).stdout.splitlines()))
        assert [row[name] for row in table] == expected
        assert all(list(row) == list(json.loads(line)) for row, line in zip(table, lines, strict=True))

    @pytest.mark.parametrize("forms", [["--json", "--jsonl"], ["--jsonl", "--format", "csv"], ["--format", "xml"]])
    def test_forms_that_cannot_be_are_usage_errors(self, options: list[str], forms: list[str]) -> None:
        assert projector("recent", *forms, *options).returncode == 2

    def test_stats_and_status(self, options: list[str]) -> None:
        everything = json.loads(projector("stats", "--json", "--limit", "1", *options).stdout)
        assert list(everything) == [
            *("version", "totals", "lost", "actions", "in_flight", "orphans", "recent_executions", "recent_cleanups")
        ]
        assert everything["totals"]["cleanups"] == 2
        assert everything["recent_cleanups"] == [printed(CLEANUPS[0], options)]
        status = json.loads(projector("status", "--json", *options).stdout)
        assert (status["checkpoint"], status["lag"], status["lease_holder"]) == ("6-0", 0, None)

    def test_what_runs_stands_against_its_actions_p95_and_what_is_presumed_dead_beside_it(
        self, options: list[str], client: redis.Redis, namespace: str
    ) -> None:
        tag = f"{{{namespace}}}"
        late = replace(RUNNING, action_id="deploy", started_at=NOW - 60_000, execution_id="late", entry_id="8-0")
        fresh = replace(RUNNING, action_id="deploy", started_at=NOW + 3_600_000, execution_id="new", entry_id="7-0")
        dead = replace(RUNNING, action_id="deploy", execution_id="dead", entry_id="9-0")
        client.hset(f"{tag}:in_flight", mapping={"late": orjson.dumps(late), "fresh": orjson.dumps(fresh)})
        client.hset(f"{tag}:orphans", "dead", orjson.dumps(dead))
        client.hset(f"{tag}:durations:deploy", mapping={"4991": 1})
        usual = {"p95_duration_ms": 4927}
        runs = [
            printed(late, options) | usual | {"overdue": True},
            printed(fresh, options) | usual | {"overdue": False},
        ]
        first_time = printed(RUNNING, options) | {"p95_duration_ms": None, "overdue": False}

        def answered(*arguments: str) -> Any:
            return json.loads(projector(*arguments, "--json", *options).stdout)

        assert answered("in-flight") == [*runs, first_time]
        assert answered("in-flight", "--limit", "1") == runs[:1]
        assert answered("in-flight", "--orphans") == [printed(dead, options)]
        everything = answered("stats", "--limit", "0")
        assert (everything["in_flight"], everything["orphans"]) == ([*runs, first_time], [printed(dead, options)])
        one = answered("stats", "deploy")
        assert one["total_executions"] == 1
        assert [one[name] for name in ("p95_duration_ms", "in_flight", "orphans")] == [
            4927,
            runs,
            [printed(dead, options)],
        ]

    def test_an_action_never_seen_is_zeros(self, options: list[str]) -> None:
        ended = projector("stats", "never", "--json", *options)
        assert ended.returncode == 0
        found = json.loads(ended.stdout)
        assert found["total_executions"] == 0
        assert [found[name] for name in ("p95_duration_ms", "in_flight", "orphans")] == [None, [], []]

    def test_a_sum_beyond_64_bits_is_printed(self, options: list[str], client: redis.Redis) -> None:
        client.hset(f"{{{options[-1]}}}:action:deploy", "duration_ms_sum", str(2**70))
        assert json.loads(projector("stats", "deploy", "--json", *options).stdout)["duration_ms_sum"] == 2**70


class TestTrouble:
    @pytest.mark.parametrize("command", ["stats", "status"])
    def test_no_server_is_one_line_and_exit_status_69(self, command: str) -> None:
        ended = projector(command, "--url", f"redis://:hunter2@127.0.0.1:{vacant_port()}/0")
        assert (ended.returncode, ended.stdout) == (69, "")
        assert len(ended.stderr.splitlines()) == 1
        assert "onnection refused" in ended.stderr
        assert "hunter2" not in ended.stderr

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--url", "http://example.com"],
            ["--url", "redis://[::1"],
            ["--url", "redis://h:port/0"],
            ["--namespace", "no spaces"],
        ],
    )
    def test_a_wrong_option_is_one_line(self, arguments: list[str]) -> None:
        ended = projector("recent", *arguments)
        assert ended.returncode == 2
        assert len(ended.stderr.splitlines()) == 1

    def test_a_name_that_is_no_text_is_one_line(self, options: list[str]) -> None:
        ended = projector("stats", os.fsdecode(b"\xff"), *options)
        assert ended.returncode == 2
        assert "UTF-8" in ended.stderr

    def test_a_negative_limit_is_a_usage_error(self, options: list[str]) -> None:
        assert projector("recent", "--limit", "-1", *options).returncode == 2

    @pytest.mark.parametrize("form", [[], ["--json"]])
    def test_a_reader_that_leaves_is_no_failure(
        self, options: list[str], client: redis.Redis, form: list[str]
    ) -> None:
        client.rpush(f"{{{options[-1]}}}:executions", *[orjson.dumps(EXECUTIONS[0])] * 2000)  # more than a pipe holds
        assert projector_read_in_part("recent", "--limit", "2000", *form, *options) == (0, "")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
    @pytest.mark.parametrize("form", [[], ["--json"]])
    def test_a_full_disk_is_one_line(self, options: list[str], form: list[str]) -> None:
        with Path("/dev/full").open("w") as full:
            ended = projector("stats", *form, *options, stdout=full)
        assert ended.returncode == 1
        assert ended.stderr == "projector: standard output: No space left on device\n"

    def test_ctrl_c_is_quiet(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            waiting = subprocess.Popen(
                [*PROJECTOR, "stats", "--url", f"redis://127.0.0.1:{silent.getsockname()[1]}/0"],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment(),
            )
            connection, _ = silent.accept()
            with connection:
                waiting.send_signal(signal.SIGINT)
                _, stderr = waiting.communicate(timeout=30)
        assert waiting.returncode in (130, -signal.SIGINT)
        assert b"Traceback" not in stderr
