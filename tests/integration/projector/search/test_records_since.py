"""Bounded answers go on in the log and the archive: they are what a projection without bounds would hold."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from projector import AsyncQuery, Bounds, Filter, Query
from projector.errors import InvalidQuery
from projector.records import ActionExecutionRecord, CleanupRecord
from tests.support.archiving import archive, trim
from tests.support.projection import Log, completed, raw_entries, started
from tests.support.servers import Server

pytestmark = pytest.mark.server

_FEW = Bounds(max_entries=7, max_action_entries=5)
_START = 1_795_000_000_000


def record_runs(log: Log, count: int) -> None:
    """Runs that overlap, among them some that are presumed dead, resolved, or never started; every third millisecond
    has several entries."""
    chance = random.Random(7)
    open_runs: list[tuple[str, str]] = []
    numbers = {"web-1:1:a": 0, "db:2:b": 0}

    def add(op: str, at: int) -> None:
        by = chance.choice(sorted(numbers))
        numbers[by] += 1
        moment = _START + 1000 * (at // 3)
        log.add(op, "by", by, "seq", numbers[by], entry_id=f"{moment}-{at % 3}0")
        if chance.random() < 0.1:  # sent again, because the answer was lost
            log.add(op, "by", by, "seq", numbers[by], entry_id=f"{moment}-{at % 3}1")

    for at in range(count):
        what = chance.random()
        if what < 0.45 or not open_runs:
            run = chance.choice(["deploy", "backup", "sync"]), f"run-{at}"
            open_runs.append(run)
            add(started(*run, source=chance.choice(["cron:nightly", "manual"]), labels={"user": "joe"}), at)
        elif what < 0.8:
            action, run_id = open_runs.pop(chance.randrange(len(open_runs)))
            error = {} if chance.random() < 0.5 else {"error": "refused"}
            add(completed(action, not error, run_id, duration_ms=chance.randrange(9000), **error), at)
        elif what < 0.85:
            add(completed("never-started", False, f"run-{at}"), at)
        elif what < 0.9:
            action, run_id = open_runs[chance.randrange(len(open_runs))]
            dead = {"type": "action_execution_orphaned", "action_id": action, "execution_id": run_id}
            add(json.dumps(dead | {"reason": "silent", "orphaned_at": _START}), at)
        else:
            cleanup = {
                "type": "cleanup_executed",
                "scanner_id": chance.choice(["locks", "trees"]),
                "action": "delete",
            }
            told = {"resource_id": f"lock:{at}", "success": chance.random() < 0.8, "executed_at": _START + at}
            add(json.dumps(cleanup | told), at)


class Wide:
    """The records that a projection of the same log holds without bounds."""

    def __init__(self, log: Log) -> None:
        wide = Log(
            log.client, log.url, f"{log.namespace}-wide", Bounds(max_entries=10_000, max_action_entries=10_000)
        )
        for entry_id, fields in raw_entries(log.client, log.key("wal")):
            wide.client.execute_command("XADD", wide.key("wal"), entry_id, *fields)
        wide.drain()
        self.executions = [
            ActionExecutionRecord(**record, namespace=log.namespace) for record in wide.records("executions")
        ]
        self.cleanups = [CleanupRecord(**record, namespace=log.namespace) for record in wide.records("cleanups")]


@pytest.fixture(scope="session")  # the log outlives the module, to which xdist may come back
def recorded(shared_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Log, Wide, str]]:
    """A log within small bounds, most of which is archived and trimmed."""
    where = tmp_path_factory.mktemp("archive")
    with shared_server.client() as client:
        log = Log(client, shared_server.url, "records-since", _FEW)
        record_runs(log, 400)
        wide = Wide(log)
        assert trim(log, archive(log, where)) > 300
        yield log, wide, str(where)


_FILTERS = [
    {},
    {"where": Filter(action="deploy")},
    {"where": Filter(source="cron:*")},
    {"where": Filter(success=False, grep="REFUSED")},
    {"where": Filter(longer_than_ms=5000)},
    {"where": Filter(host="web-*", labels={"user": "joe"})},
    {"action_id": "backup"},
    {"success": False},
    {"action_id": "never-started", "success": False},
]


def wanted(records: list[Any], filters: dict[str, Any], since: int) -> list[Any]:
    test = filters.get("where", Filter()).test()
    return [
        record
        for record in records
        if test(record, record.by)
        and filters.get("action_id") in (None, record.action_id)
        and filters.get("success") in (None, record.success)
        and int(record.entry_id.partition("-")[0]) >= since
    ]


@pytest.mark.parametrize("filters", _FILTERS, ids=str)
@pytest.mark.parametrize("since", [0, _START + 30_000, _START + 131_000])
def test_executions_since_a_time_are_all_there(
    recorded: tuple[Log, Wide, str], filters: dict[str, Any], since: int
) -> None:
    log, wide, where = recorded
    expected = wanted(wide.executions, filters, since)
    with Query(log.url, log.namespace, archive=where) as query:
        found = query.recent_action_executions(None, since=since, **filters)
        assert found == expected
        assert (found.complete, found.since) == (True, None)
        few = query.recent_action_executions(3, since=since, **filters)
        assert few == expected[:3]
        assert not few.complete if len(expected) > 3 else few.complete or len(expected) == 3
        part = query.recent_action_executions(20, since=since, **filters)
        assert part == expected[:20]
        assert not part.complete if len(expected) > 20 else part.complete or len(expected) == 20
        until = _START + 100_000
        before = query.recent_action_executions(None, since=since, until=until, **filters)
        assert before == [record for record in expected if int(record.entry_id.partition("-")[0]) < until]

    async def ask() -> Any:
        async with AsyncQuery(log.url, log.namespace, archive=where) as query:
            return await query.recent_action_executions(None, since=since, **filters)

    assert asyncio.run(ask()) == expected


def test_failures_and_cleanups_too(recorded: tuple[Log, Wide, str]) -> None:
    log, wide, where = recorded
    with Query(log.url, log.namespace, archive=where) as query:
        failed = [record for record in wide.executions if not record.success]
        assert query.recent_failures(None, since=0) == failed
        assert query.recent_failures(None, since=0, where=Filter(action="dep*")) == [
            record for record in failed if record.action_id == "deploy"
        ]
        cleanups = query.recent_cleanup_operations(None, since=0)
        assert cleanups == wide.cleanups
        assert cleanups.complete
        found = query.recent_cleanup_operations(None, since=0, scanner_id="locks", where=Filter(success=False))
        assert found == [each for each in wide.cleanups if each.scanner_id == "locks" and not each.success]


def test_without_since_they_end_where_the_lists_end_and_say_so(recorded: tuple[Log, Wide, str]) -> None:
    log, wide, where = recorded
    with Query(log.url, log.namespace, archive=where) as query:
        found = query.recent_action_executions(None)
        assert found == wide.executions[:7]
        assert not found.complete
        assert found.since is not None


def test_what_was_trimmed_and_not_archived_is_told_to_be_missing(recorded: tuple[Log, Wide, str]) -> None:
    log, wide, _ = recorded
    with Query(log.url, log.namespace) as query:
        found = query.recent_action_executions(None, since=0)
        assert found == wide.executions[: len(found)]
        assert not found.complete
        assert found.since is not None
        assert found.since > _START + 100_000


def test_what_asks_twice_or_for_a_type_is_refused(client: redis.Redis, recorded: tuple[Log, Wide, str]) -> None:
    log, _, _ = recorded
    with Query(client, log.namespace) as query:
        for options in ({"action_id": "a", "where": Filter(action="b")}, {"where": Filter(type="completed")}):
            with pytest.raises(InvalidQuery, match="where: expected no"):
                query.recent_action_executions(**options)


def test_a_filter_is_no_reason_to_read_the_log(log: Log, tmp_path: Path) -> None:
    """An archive that cannot be read is not asked, as long as the lists tell all."""
    log.add_completions(3)
    log.drain()
    (tmp_path / "file").write_text("")
    with Query(log.url, log.namespace, archive=str(tmp_path / "file")) as query:
        assert len(query.recent_action_executions(where=Filter(action="a"), since=0)) == 3


@pytest.mark.parametrize("since", [None, 1])
def test_a_text_is_looked_for_in_outputs_too_which_no_record_has(log: Log, since: int | None) -> None:
    for number in range(3):
        log.add(completed("deploy", False, f"run-{number}", error="exit status 1", output=f"needle {number}\n"))
    log.drain()
    found = Query(log.client, log.namespace).recent_failures(None, where=Filter(grep="NEEDLE 1"), since=since)
    assert ([record.execution_id for record in found], found.complete) == (["run-1"], True)


def test_what_is_no_longer_in_the_log_is_looked_for_in_the_list_alone_which_is_told(log: Log) -> None:
    for number in range(60):
        log.add(completed("deploy", False, f"run-{number}", error=f"error {number}", output="needle"))
    log.drain()
    log.client.xtrim(log.key("wal"), maxlen=10, approximate=False)
    query = Query(log.client, log.namespace)
    by_output = query.recent_failures(None, where=Filter(grep="needle"))
    by_error = query.recent_failures(None, where=Filter(grep="error 7"))
    assert (len(by_output), by_output.complete) == (10, False)
    assert ([record.execution_id for record in by_error], by_error.complete) == (["run-7"], False)
    assert by_error.since is not None
