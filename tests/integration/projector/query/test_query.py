"""The query library on a real server: instants, errors, and clients of every kind."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict

import orjson
import pytest
import redis
import redis.asyncio
from redis.cluster import RedisCluster

from projector.errors import Damaged, ServerRefused, ServerUnavailable, repair_of
from projector.query import AsyncQuery, Query
from projector.records import ActionExecutionRecord
from projector.verification import verify
from tests.support.cluster import running_node
from tests.support.projection import Log
from tests.support.servers import Server, eventually, vacant_port

pytestmark = pytest.mark.server


@pytest.fixture
def query(shared_server: Server, namespace: str) -> Iterator[Query]:
    with Query(shared_server.url, namespace) as reader:
        yield reader


def record(number: int, *, success: bool = True) -> bytes:
    made = ActionExecutionRecord(
        "backup", "manual", "command", success, 5, None, number, None, None, None, f"{number + 1}-0"
    )
    return orjson.dumps(asdict(made))


def test_status_tells_how_many_entries_wait(client: redis.Redis, namespace: str, query: Query) -> None:
    ids = [f"{number}-1" for number in range(1, 6)]
    for entry_id in ids:
        client.xadd(f"{{{namespace}}}:wal", {"op": "1"}, id=entry_id)
    assert (query.status().lag, query.status().wal_length) == (5, 5)
    client.hset(f"{{{namespace}}}:checkpoint", mapping={"last_id": ids[2], "entries": 3})
    client.xtrim(f"{{{namespace}}}:wal", minid=ids[2], approximate=False)
    status = query.status()
    assert (status.checkpoint, status.lag, status.wal_length) == (ids[2], 2, 3)


def test_the_lag_is_unknown_when_the_log_is_not_the_checkpoints(
    client: redis.Redis, namespace: str, query: Query
) -> None:
    client.xadd(f"{{{namespace}}}:wal", {"op": "1"})
    client.hset(f"{{{namespace}}}:checkpoint", mapping={"last_id": "1-1", "entries": 300})
    assert query.status().lag is None


CALLS: dict[str, Callable[[Query], object]] = {
    "executions": lambda query: query.recent_action_executions(),
    "executions:backup": lambda query: query.recent_action_executions(action_id="backup"),
    "failures": lambda query: query.recent_failures(),
    "cleanups": lambda query: query.recent_cleanup_operations(),
    "in_flight": lambda query: query.in_flight(),
    "orphans": lambda query: query.orphans(),
    "totals": lambda query: query.totals(),
    "action:backup": lambda query: query.action_stats("backup"),
    "scanner:stale": lambda query: query.scanner_stats("stale"),
    "actions": lambda query: query.actions(),
    "scanners": lambda query: query.scanners(),
    "checkpoint": lambda query: query.status(),
    "lease": lambda query: query.status(),
    "wal": lambda query: query.status(),
}


@pytest.mark.parametrize("key", CALLS)
def test_a_key_of_another_type_is_named_with_the_cure(
    client: redis.Redis, namespace: str, query: Query, key: str
) -> None:
    client.geoadd(f"{{{namespace}}}:x", (1.0, 1.0, "m"))
    if key in ("actions", "scanners"):
        client.set(f"{{{namespace}}}:{key}", "text")
    else:
        client.rename(f"{{{namespace}}}:x", f"{{{namespace}}}:{key}")
    held = f"{{{namespace}}}:{key}"
    with pytest.raises(Damaged) as raised:
        CALLS[key](query)
    assert str(raised.value) == f"{held} holds another type than the projection's: {repair_of(held.encode())}"


def test_one_hash_of_another_type_among_many_is_named_and_the_connection_stays_in_order(
    client: redis.Redis, namespace: str, query: Query
) -> None:
    for name in ("a", "b", "c"):
        client.zadd(f"{{{namespace}}}:actions", {name: 1})
        client.hset(f"{{{namespace}}}:action:{name}", mapping={"total_executions": 7, "last_entry_id": "1-0"})
    client.delete(f"{{{namespace}}}:action:b")
    client.set(f"{{{namespace}}}:action:b", "text")
    with pytest.raises(Damaged, match=rf"\{{{namespace}\}}:action:b holds another type"):
        query.actions()
    assert query.totals().total_executions == 0
    client.delete(f"{{{namespace}}}:action:b")
    assert [(stats.action_id, stats.total_executions) for stats in query.actions()] == [("c", 7), ("a", 7)]


@pytest.mark.parametrize("key", [key for key in CALLS if key not in ("actions", "scanners")])
def test_each_answer_is_read_in_one_transaction(own_server: Server, key: str) -> None:
    with own_server.client() as watcher, Query(own_server.url, "n") as query, watcher.monitor() as monitor:
        CALLS[key](query)
        with own_server.client() as marker:
            marker.echo("the end")
        seen: list[str] = []
        while "ECHO" not in (command := monitor.next_command()["command"]):
            # How a connection introduces itself, and the look for partitions, which comes now and then.
            if not command.startswith(("CLIENT", "HELLO")) and ":partitions" not in command:
                seen.append(command)
    in_order = " ".join("read" if "{n}:" in command else command for command in seen)
    assert re.fullmatch(r"MULTI (read )+EXEC", in_order)
    assert f"{{n}}:{key}" in " ".join(seen)


def test_one_query_serves_many_threads(client: redis.Redis, namespace: str, query: Query) -> None:
    for number in range(100):
        client.zadd(f"{{{namespace}}}:actions", {f"a{number}": number})
        client.hset(
            f"{{{namespace}}}:action:a{number}", mapping={"total_executions": number, "last_entry_id": f"{number}-0"}
        )
    client.lpush(f"{{{namespace}}}:executions", *[record(number) for number in range(50)])
    wrong: list[object] = []

    def read() -> None:
        for _ in range(30):
            if [stats.total_executions for stats in query.actions()] != list(range(99, -1, -1)):
                wrong.append("actions")
            if [found.timestamp for found in query.recent_action_executions(50)] != list(range(49, -1, -1)):
                wrong.append("executions")

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.fixture
def cluster_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from running_node(tmp_path_factory.mktemp("cluster"))


@pytest.fixture(params=["Redis", "RedisCluster"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_client_of_either_kind_and_protocol_gives_the_same_answers(
    request: pytest.FixtureRequest, namespace: str, kind: str, protocol: int
) -> None:
    given: redis.Redis | RedisCluster
    if kind == "Redis":
        given = redis.Redis(port=request.getfixturevalue("shared_server").port, protocol=protocol)
    else:
        given = RedisCluster("127.0.0.1", request.getfixturevalue("cluster_server").port, protocol=protocol)
    with given:
        given.xadd(f"{{{namespace}}}:wal", {"op": "1"})
        given.hset(f"{{{namespace}}}:checkpoint", mapping={"last_id": "0-0", "entries": 0})
        given.hset(f"{{{namespace}}}:in_flight", "backup", orjson.dumps(IN_FLIGHT))
        for name in ("action", "scanner"):
            given.zadd(f"{{{namespace}}}:{name}s", {"a": 1})
            given.hset(f"{{{namespace}}}:{name}:a", mapping={"failures": 3, "last_entry_id": "1-0"})
        query = Query(given, namespace)
        status = query.status()
        assert (status.checkpoint, status.lag, status.wal_length, status.in_flight) == ("0-0", 1, 1, 1)
        assert [run.action_id for run in query.in_flight()] == ["backup"]
        assert query.recent_action_executions(action_id="a") == []
        assert query.actions() == [query.action_stats("a")]
        assert query.scanners() == [query.scanner_stats("a")]
        assert (query.actions()[0].failures, query.scanners()[0].failures) == (3, 3)
        fresh = Query(given, "fresh").status()
        assert (fresh.checkpoint, fresh.lag) == (None, 0)
        given.set(f"{{{namespace}}}:totals", "text")
        with pytest.raises(Damaged, match=rf"\{{{namespace}\}}:totals holds another type"):
            query.totals()
        query.close()
        assert given.ping(), "a client that was given stays its owner's"


@pytest.mark.parametrize("protocol", [2, 3])
def test_an_asyncio_client_of_a_cluster_gives_the_same_answers(
    cluster_server: Server, namespace: str, protocol: int
) -> None:
    async def ask() -> None:
        async with redis.asyncio.RedisCluster("127.0.0.1", cluster_server.port, protocol=protocol) as given:
            await given.xadd(f"{{{namespace}}}:wal", {"op": "1"})
            query = AsyncQuery(given, namespace)
            assert (await query.status()).lag == 1
            assert await query.actions() == []
            assert f"127.0.0.1:{cluster_server.port}" in repr(query)
            cluster_server.kill()
            with pytest.raises(ServerUnavailable, match=r"[Cc]onnect"):
                await query.totals()

    asyncio.run(ask())


def test_a_cluster_that_is_down_is_unavailable(cluster_server: Server) -> None:
    with RedisCluster("127.0.0.1", cluster_server.port) as given:
        query = Query(given)
        assert query.actions() == []
        cluster_server.kill()
        for ask in (query.totals, query.actions):
            with pytest.raises(ServerUnavailable, match=r"[Cc]onnect"):
                ask()


IN_FLIGHT = {
    "action_id": "backup",
    "source": "manual",
    "execution_type": "command",
    "started_at": 1,
    "execution_id": None,
    "by": None,
    "heartbeats": False,
    "entry_id": "1-0",
}


def test_a_restart_of_the_server_goes_unnoticed(own_server: Server) -> None:
    with Query(own_server.url) as query:
        assert query.totals().failures == 0
        own_server.stop()
        own_server.start()
        assert query.totals().failures == 0
        assert query.actions() == []


def test_a_server_that_is_down_is_unavailable_and_named() -> None:
    port = vacant_port()
    with (
        Query(f"redis://127.0.0.1:{port}/0") as query,
        pytest.raises(ServerUnavailable, match=rf"127\.0\.0\.1:{port}: .*[Cc]onnection refused"),
    ):
        query.totals()


def test_a_server_that_does_not_answer_is_unavailable_after_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with (
            Query(f"redis://127.0.0.1:{port}/0", timeout=0.2) as query,
            pytest.raises(ServerUnavailable, match=r"[Tt]imeout"),
        ):
            query.actions()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b"])
def test_a_host_that_does_not_exist_is_unavailable(host: str) -> None:
    with Query(f"redis://{host}:1/0") as query, pytest.raises(ServerUnavailable):
        query.totals()


def test_a_wrong_password_is_refused_and_never_shown(own_server: Server) -> None:
    with own_server.client() as admin:
        admin.config_set("requirepass", "right")
    url = own_server.url.replace("//", "//:hunter2@")
    with Query(url) as query, pytest.raises(ServerRefused) as caught:
        query.actions()
    assert "hunter2" not in str(caught.value)
    with Query(own_server.url) as query, pytest.raises(ServerRefused, match=r"[Aa]uth"):
        query.totals()


def test_a_missing_permission_is_refused(own_server: Server) -> None:
    with own_server.client() as admin:
        admin.execute_command("ACL", "SETUSER", "half", "on", ">pw", "~*", "+@all", "-hmget", "-hgetall")
        admin.zadd("{otters}:actions", {"a": 1})
    with Query(own_server.url.replace("//", "//half:pw@")) as query:
        for ask in (query.totals, query.actions, lambda: query.action_stats("a")):
            with pytest.raises(ServerRefused, match="permission"):
                ask()


def test_a_server_that_stops_between_two_calls_is_unavailable_not_wrong(own_server: Server) -> None:
    with Query(own_server.url) as query:
        query.actions()
        own_server.kill()
        with pytest.raises(ServerUnavailable):
            query.actions()
        own_server.start()
        eventually(lambda: query.actions() == [])


def test_with_memory_full_everything_can_still_be_read(own_server: Server) -> None:
    """The server then queues no command of a MULTI, not even a read."""
    with own_server.client() as client:
        log = Log(client, own_server.url, "otters")
        log.add_completions(5)
        log.drain()
        with Query(own_server.url) as query:
            before = (query.status(), query.totals(), query.recent_action_executions(3), query.action_stats("a"))
            client.config_set("maxmemory", "1")
            assert (
                query.status(),
                query.totals(),
                query.recent_action_executions(3),
                query.action_stats("a"),
            ) == before
            assert verify(client).identical
