"""Query.log on a real server: live through restarts, trims and seals; the same by AsyncQuery."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import redis

from projector import AsyncQuery, Filter, LogEntry, Query
from projector.archive.archive import Archive
from projector.archive.archiver import Archiver
from projector.errors import InvalidQuery
from tests.support.archiving import archive, trim
from tests.support.projection import Log, completed, fill, raw_entries
from tests.support.servers import Server, eventually

pytestmark = pytest.mark.server


@pytest.fixture
def own_log(own_server: Server) -> Iterator[Log]:
    with own_server.client() as client:
        yield Log(client, own_server.url, "otters")


def ids_of(log: Log, first: str = "-") -> list[str]:
    return [entry_id.decode() for entry_id, _ in raw_entries(log.client, log.key("wal"), first)]


def test_who_is_slow_finds_in_the_archive_what_was_trimmed_and_goes_on_after_a_restart(
    own_log: Log, own_server: Server, tmp_path: Path
) -> None:
    expected: list[str] = []
    found: list[str] = []
    with Query(own_log.url, archive=str(tmp_path)) as query:
        entries = query.log(follow=True)
        for number in range(4):
            own_log.add_completions(1700)
            expected += [entry_id for entry_id in ids_of(own_log) if not expected or entry_id not in set(expected)]
            found += [next(entries).entry_id for _ in range(600)]
            if number % 2:
                own_server.kill()
                own_server.start()
            done = archive(own_log, tmp_path)
            expected += [entry_id for entry_id in ids_of(own_log) if entry_id not in set(expected)]
            assert trim(own_log, done) > 0
        found += [next(entries).entry_id for _ in range(len(expected) - len(found))]
    assert found == expected


def test_it_waits_for_a_server_that_is_away_and_misses_and_repeats_nothing(own_log: Log, own_server: Server) -> None:
    own_log.add_completions(3)
    found: list[str] = []
    with Query(own_log.url) as query:
        entries = query.log(follow=True, limit=2)

        def follow() -> None:
            for entry in entries:
                found.append(entry.entry_id)
                if entry.operation and entry.operation.get("action_id") == "last":
                    return

        follower = Thread(target=follow, daemon=True)
        follower.start()
        eventually(lambda: len(found) == 2, what="the backlog")
        for _ in range(2):
            own_server.kill()
            eventually(lambda: entries._logs._pause.seconds > 0.2, what="a pause that grows")
            own_server.start()
            own_log.add_completions(5)
            eventually(lambda: found[-1:] == ids_of(own_log)[-1:], what="what came after the restart")
        own_log.add(completed("last"))
        follower.join(30)
        assert not follower.is_alive()
    assert found == ids_of(own_log)[1:]


def test_both_libraries_find_the_same(log: Log, tmp_path: Path) -> None:
    fill(log)
    trim(log, archive(log, tmp_path))
    fill(log)
    cases: list[dict[str, Any]] = [
        {},
        {"reverse": True},
        {"limit": 3},
        {"where": Filter(success=False)},
        {"where": Filter(type="cleanup")},
    ]

    async def ask(options: dict[str, Any]) -> tuple[list[LogEntry], bool, int | None]:
        async with AsyncQuery(log.url, log.namespace, archive=str(tmp_path)) as query:
            entries = query.log(**options)
            return [entry async for entry in entries], entries.complete, entries.since

    with Query(log.url, log.namespace, archive=str(tmp_path)) as query:
        for options in cases:
            entries = query.log(**options)
            found = list(entries)
            assert found
            assert asyncio.run(ask(options)) == (found, entries.complete, entries.since), options
            assert entries.complete is ("limit" not in options)


def test_a_task_that_follows_can_be_cancelled(log: Log) -> None:
    log.add_completions(2)

    async def follow() -> list[str]:
        found: list[str] = []
        async with AsyncQuery(log.url, log.namespace) as query:

            async def collect() -> None:
                async for entry in query.log(follow=True):
                    found.append(entry.entry_id)

            task = asyncio.create_task(collect())
            while len(found) < 2:
                await asyncio.sleep(0.01)
            log.add(completed("b"))
            while len(found) < 3:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await query.totals()).failures == 0
        return found

    assert asyncio.run(follow()) == ids_of(log)


def test_an_archiver_at_work_between_two_pages_hides_nothing_from_who_reads_backwards(
    log: Log, tmp_path: Path, client: redis.Redis
) -> None:
    """Each page is followed by a seal and a trim of what was not read yet."""
    log.add_completions(4500)
    log.drain()
    expected = ids_of(log)
    with Query(log.url, log.namespace, archive=str(tmp_path)) as query:
        entries = query.log()
        found = [next(entries).entry_id for _ in range(1000)]
        Archiver(client, Archive.at(str(tmp_path), log.namespace)).once()
        client.xtrim(log.key("wal"), minid=expected[3400], approximate=False)
        found += [entry.entry_id for entry in entries]
    assert found == expected[::-1]


def test_what_makes_no_search_is_refused(log: Log) -> None:
    with Query(log.url, log.namespace) as query:
        cases: list[dict[str, Any]] = [{"since": "yesterday"}, {"limit": -1}, {"follow": True, "until": 5}]
        for options in cases:
            with pytest.raises(InvalidQuery):
                query.log(**options)
