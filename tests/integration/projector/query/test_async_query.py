"""AsyncQuery on a real server: the calls, answers and errors of Query."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from producer.errors import UnusableServer
from projector import AsyncQuery, Query
from projector.errors import Damaged, InvalidQuery, ProjectorError, ServerRefused, ServerUnavailable
from tests.support.projection import Log, completed, started
from tests.support.servers import Server, vacant_port

pytestmark = pytest.mark.server

ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "action_stats": ("deploy",),
    "scanner_stats": ("locks",),
    "durations": (["deploy"],),
    "show": ("run-0",),
    "trail": ("r",),
    "duration_percentiles": (["deploy"],),
}
"""Of the calls that need some."""


def calls(kind: type) -> dict[str, Callable[..., Any]]:
    return {name: call for name, call in vars(kind).items() if inspect.isfunction(call) and not name.startswith("_")}


QUESTIONS = sorted(set(calls(Query)) - {"close", "log"})


@pytest.fixture
def recorded(log: Log) -> Log:
    """A namespace with runs that ended, runs that did not, and a cleanup."""
    for number in range(12):
        log.add(started("deploy", f"run-{number}"))
        log.add(completed("deploy", number % 3 > 0, f"run-{number}", duration_ms=number))
    log.add(started("backup"))
    log.add(
        '{"type":"cleanup_executed","scanner_id":"locks","resource_id":"r","action":"delete","success":true,'
        '"executed_at":1}'
    )
    log.drain()
    run = log.client.hget(log.key("in_flight"), "backup")
    log.client.hset(log.key("orphans"), "backup#dead", run)
    log.client.hset(log.key("producers"), "h:1:ab", '{"seq":3,"gaps":[[1,2]],"closed":0,"entry_id":"1-0"}')
    return log


def asked(url_or_client: Any, question: Callable[[AsyncQuery], Awaitable[Any]], namespace: str = "otters") -> Any:
    async def ask() -> Any:
        async with AsyncQuery(url_or_client, namespace, timeout=2.0) as query:
            return await question(query)

    return asyncio.run(ask())


def test_both_offer_the_same_calls_with_the_same_signatures() -> None:
    assert sorted(calls(AsyncQuery)) == sorted(calls(Query))
    for name, call in calls(Query).items():
        other = calls(AsyncQuery)[name]
        assert inspect.iscoroutinefunction(other) or name == "log", name
        mine, its = inspect.signature(call), inspect.signature(other)
        assert list(its.parameters.values()) == list(mine.parameters.values()), name
        assert str(its.return_annotation).replace("AsyncLog", "Log") == mine.return_annotation, name


@pytest.mark.parametrize("name", QUESTIONS)
def test_both_give_the_same_answers(recorded: Log, name: str) -> None:
    arguments = ARGUMENTS.get(name, ())
    with Query(recorded.url, recorded.namespace) as query:
        expected = getattr(query, name)(*arguments)
    found = asked(recorded.url, lambda query: getattr(query, name)(*arguments), recorded.namespace)
    if name == "status":  # the lease runs out meanwhile
        found, expected = found.entries, expected.entries
    assert expected, "an answer that tells something"
    assert found == expected or name == "namespaces"
    assert getattr(found, "complete", None) == getattr(expected, "complete", None)
    assert name != "namespaces" or recorded.namespace in found


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_client_of_either_protocol_stays_its_owners(recorded: Log, shared_server: Server, protocol: int) -> None:
    async def ask() -> None:
        async with redis.asyncio.Redis(port=shared_server.port, protocol=protocol) as client:
            async with AsyncQuery(client, recorded.namespace) as query:
                assert (await query.status(room=True)).entries == 26
                assert (await query.actions())[-1] == await query.action_stats("deploy")
            assert await client.ping()

    asyncio.run(ask())


def test_tasks_share_a_query_and_one_that_is_cancelled_leaves_no_reply_behind(recorded: Log) -> None:
    async def ask() -> None:
        async with AsyncQuery(recorded.url, recorded.namespace) as query:
            expected = await query.totals()
            tasks = [asyncio.create_task(query.totals()) for _ in range(40)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            answers = [one for one in found if not isinstance(one, asyncio.CancelledError)]
            assert 20 <= len(answers) < 40
            assert answers == [expected] * len(answers)
            assert [stats.action_id for stats in await query.actions()] == ["deploy"]

    asyncio.run(ask())


def test_a_restart_of_the_server_goes_unnoticed_and_its_end_is_told_as_query_tells_it(own_server: Server) -> None:
    async def ask() -> None:
        async with AsyncQuery(own_server.url) as query:
            assert (await query.totals()).failures == 0
            own_server.stop()
            own_server.start()
            assert (await query.totals()).failures == 0
            own_server.stop()
            with pytest.raises(ServerUnavailable) as caught:
                await query.totals()
        with Query(own_server.url) as other, pytest.raises(ServerUnavailable) as told:
            other.totals()
        assert str(caught.value) == str(told.value)

    asyncio.run(ask())


def test_a_password_in_a_file_is_read_anew_at_each_connection(own_server: Server, tmp_path: Path) -> None:
    file = tmp_path / "password"

    def rotate(password: str) -> None:
        with own_server.client() as admin:
            admin.execute_command("ACL", "SETUSER", "me", "reset", "on", f">{password}", "~*", "+@all")
            file.write_text(password)
            admin.execute_command("CLIENT", "KILL", "USER", "me")

    async def ask() -> None:
        async with AsyncQuery(f"redis://me@127.0.0.1:{own_server.port}/0", password_file=file) as query:
            for password in ("first", "second"):
                rotate(password)
                assert (await query.totals()).cleanups == 0

    asyncio.run(ask())


def test_a_socket_is_named_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    server = Server(tmp_path / "server", "--unixsocket", str(path))
    with pytest.raises(ServerUnavailable, match="there is no such socket"):
        asked(f"unix://{path}", AsyncQuery.totals)
    server.start()
    try:
        assert asked(f"unix://{path}", AsyncQuery.totals).cleanups == 0
    finally:
        server.kill()


def test_with_memory_full_everything_can_still_be_read(own_server: Server) -> None:
    with own_server.client() as client:
        log = Log(client, own_server.url, "otters")
        log.add_completions(5)
        log.drain()
        client.config_set("maxmemory", "1")
        assert asked(own_server.url, AsyncQuery.totals).successes == 5


def test_the_errors_are_those_of_query(recorded: Log, own_server: Server) -> None:
    with own_server.client() as admin:
        admin.config_set("requirepass", "right")
    recorded.client.set(recorded.key("totals"), "text")
    cases: list[tuple[str, type[ProjectorError], Callable[..., Any]]] = [
        (recorded.url, Damaged, lambda query: query.totals()),
        (recorded.url, InvalidQuery, lambda query: query.recent_failures(-1)),
        (own_server.url.replace("//", "//:hunter2@"), ServerRefused, lambda query: query.actions()),
        (f"redis://127.0.0.1:{vacant_port()}/0", ServerUnavailable, lambda query: query.in_flight()),
        ("redis://no-such-host.invalid:1/0", ServerUnavailable, lambda query: query.totals()),
    ]
    for url, kind, question in cases:
        with Query(url, recorded.namespace) as query, pytest.raises(kind) as told:
            question(query)
        with pytest.raises(kind) as caught:
            asked(url, question, recorded.namespace)
        assert str(caught.value) == str(told.value)
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("target", ["http://x", redis.Redis(), redis.asyncio.Redis(decode_responses=True), 7])
def test_what_cannot_be_used_is_refused_at_once(target: Any) -> None:
    with pytest.raises(UnusableServer):
        AsyncQuery(target)
