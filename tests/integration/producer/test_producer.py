"""The producer on real servers: lost replies, servers that are away, frozen or full, and clients of each kind."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.cluster import RedisCluster
from redis.sentinel import Sentinel

from producer import Producer, Receipt, WalRefused, WalUnavailable
from projector import Projector
from tests.support.cluster import running_node
from tests.support.proxy import Fault, Proxy
from tests.support.servers import Server, eventually, running, vacant_port

pytestmark = pytest.mark.server

PATIENT = 30.0
"""For what has to succeed in the end, on however slow a machine."""


def clean_up(producer: Producer, resource: str = "lock:deploy") -> Receipt:
    return producer.cleanup_executed("stale-locks", resource, "release", True)


def written(client: redis.Redis, namespace: str) -> list[tuple[str, str]]:
    """(by, seq) of each entry of the log."""
    entries: Any = client.xrange(f"{{{namespace}}}:wal")
    return [(fields[b"by"].decode(), fields[b"seq"].decode()) for _, fields in entries]


def counted(server: Server, namespace: str) -> dict[str, int]:
    """What a projector makes of the log."""
    Projector(server.url, namespace).drain()
    with server.client() as client:
        checkpoint: Any = client.hgetall(f"{{{namespace}}}:checkpoint")
        totals: Any = client.hgetall(f"{{{namespace}}}:totals")
    found = {name: int(checkpoint.get(name, 0)) for name in (b"entries", b"duplicates", b"missing")}
    return {name.decode(): count for name, count in found.items()} | {"cleanups": int(totals.get(b"cleanups", 0))}


def timed(call: Callable[[], object]) -> tuple[BaseException, float]:
    """What `call` raises, and after how many seconds."""
    began = time.monotonic()
    with pytest.raises(WalUnavailable) as trouble:
        call()
    return trouble.value, time.monotonic() - began


# -- between request and reply --


@pytest.mark.parametrize("fault", [Fault.CUT_REPLY, Fault.TRUNCATE_REPLY])
def test_an_operation_whose_reply_was_lost_is_sent_again_under_its_number_and_counts_once(
    shared_server: Server, client: redis.Redis, proxy: Proxy, namespace: str, fault: Fault
) -> None:
    proxy.inject(fault)
    with Producer(proxy.url, namespace, timeout=PATIENT) as producer:
        receipt = clean_up(producer)
        following = clean_up(producer)
    assert proxy.injected == 1
    assert written(client, namespace) == [(receipt.by, "1"), (receipt.by, "1"), (receipt.by, "2")]
    assert (receipt.seq, following.seq) == (1, 2)
    assert counted(shared_server, namespace) == {"entries": 3, "duplicates": 1, "missing": 0, "cleanups": 2}


def test_an_operation_that_did_not_get_through_is_sent_again(
    client: redis.Redis, proxy: Proxy, namespace: str
) -> None:
    proxy.inject(Fault.CUT_REQUEST, times=3)
    with Producer(proxy.url, namespace, timeout=PATIENT) as producer:
        receipt = clean_up(producer)
    assert proxy.injected == 3
    assert written(client, namespace) == [(receipt.by, "1")]


def test_a_late_reply_does_not_answer_the_next_operation(client: redis.Redis, proxy: Proxy, namespace: str) -> None:
    with Producer(proxy.url, namespace, timeout=1.0) as producer:
        clean_up(producer)
        proxy.inject(Fault.HOLD_REPLY)
        with pytest.raises(WalUnavailable):
            clean_up(producer)
        assert proxy.injected == 1
        proxy.release()
        receipts = [clean_up(producer) for _ in range(3)]
    assert_answered_each(client, namespace, receipts)


def assert_answered_each(client: redis.Redis, namespace: str, receipts: list[Receipt]) -> None:
    """The entry that a receipt names is the one of its own number."""
    found: Any = client.xrange(f"{{{namespace}}}:wal")
    entries = dict(found)
    for receipt in receipts:
        assert receipt.entry_id is not None
        assert int(entries[receipt.entry_id.encode()][b"seq"]) == receipt.seq


def test_what_was_given_up_can_be_sent_again_without_counting_twice(
    shared_server: Server, proxy: Proxy, namespace: str
) -> None:
    proxy.inject(Fault.HOLD_REPLY)
    with Producer(proxy.url, namespace, timeout=1.0) as producer:
        with pytest.raises(WalUnavailable) as trouble:
            clean_up(producer)
        proxy.release()
        receipts = [producer.resend(trouble.value) for _ in range(2)]
    assert {(receipt.by, receipt.seq) for receipt in receipts} == {(trouble.value.receipt.by, 1)}
    assert len({receipt.entry_id for receipt in receipts}) == 2
    assert counted(shared_server, namespace) == {"entries": 3, "duplicates": 2, "missing": 0, "cleanups": 1}


class Interrupted(BaseException):
    """As KeyboardInterrupt, from a signal handler, but one that pytest does not take for its own."""


def test_an_interrupted_operation_leaves_no_reply_behind_for_the_next(
    client: redis.Redis, proxy: Proxy, namespace: str
) -> None:
    """Ctrl-C while the reply is awaited; the reply comes when the connection might be in use again."""

    def interrupt(*_: object) -> None:
        raise Interrupted

    def interrupt_when_written() -> None:
        with redis.Redis(port=client.connection_pool.connection_kwargs["port"]) as watching:
            eventually(lambda: watching.xlen(f"{{{namespace}}}:wal"), what="the entry to be written")
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, interrupt)
    watcher = threading.Thread(target=interrupt_when_written)
    try:
        proxy.inject(Fault.HOLD_REPLY)
        with Producer(proxy.url, namespace, timeout=PATIENT) as producer:
            watcher.start()
            with pytest.raises(Interrupted):
                clean_up(producer)
            proxy.release()
            receipts = [clean_up(producer) for _ in range(3)]
    finally:
        watcher.join()
        signal.signal(signal.SIGUSR1, before)
    assert [receipt.seq for receipt in receipts] == [2, 3, 4]
    assert_answered_each(client, namespace, receipts)


def test_threads_that_share_a_breaking_connection_lose_and_double_nothing(
    shared_server: Server, proxy: Proxy, namespace: str
) -> None:
    proxy.inject(Fault.CUT_REPLY, times=10)
    proxy.inject(Fault.CUT_REQUEST, times=10)
    with Producer(proxy.url, namespace, timeout=PATIENT) as producer:
        threads = [
            threading.Thread(target=lambda: [clean_up(producer) for _ in range(25)], daemon=True) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert proxy.injected == 20
    assert counted(shared_server, namespace) == {"entries": 210, "duplicates": 10, "missing": 0, "cleanups": 200}


# -- away, frozen, back --


def test_a_server_that_comes_back_in_time_is_waited_for(own_server: Server, namespace: str) -> None:
    with Producer(own_server.url, namespace, timeout=PATIENT) as producer:
        clean_up(producer)
        own_server.kill()
        with ThreadPoolExecutor() as pool:
            attempt = pool.submit(clean_up, producer)
            assert wait([attempt], timeout=0.3).not_done
            own_server.start()
            assert attempt.result().seq == 2
    assert counted(own_server, namespace)["missing"] == 0


def test_a_server_that_is_away_is_given_up_in_time(namespace: str) -> None:
    with Producer(f"redis://127.0.0.1:{vacant_port()}/0", namespace, timeout=0.5) as producer:
        trouble, seconds = timed(lambda: clean_up(producer))
    assert "refused" in str(trouble)
    assert 0.1 < seconds < 0.5 + 2.0


@pytest.mark.parametrize("kind", ["url", "client", "client without a time-out"])
def test_a_frozen_server_is_given_up_in_time(own_server: Server, namespace: str, kind: str) -> None:
    """Within the producer's time, whatever the client that it was given would wait."""
    target: str | redis.Redis = own_server.url
    if kind != "url":
        target = redis.Redis(port=own_server.port, socket_timeout=None if "without" in kind else 60)
    with Producer(target, namespace, timeout=0.5) as producer:
        clean_up(producer)
        with own_server.frozen():
            trouble, seconds = timed(lambda: clean_up(producer))
        assert 0.5 <= seconds < 0.5 + 5.0
        assert isinstance(trouble, WalUnavailable)
        producer.resend(trouble)
    # The frozen server had the first one in its buffer: it landed after all.
    assert counted(own_server, namespace) == {"entries": 3, "duplicates": 1, "missing": 0, "cleanups": 2}
    if isinstance(target, redis.Redis):
        target.close()


def test_the_loop_goes_on_while_the_server_is_frozen(own_server: Server, namespace: str) -> None:
    """And the body does not run, since its start could not be recorded."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.01)

    async def main() -> None:
        ticking = asyncio.create_task(tick())
        with Producer(own_server.url, namespace, timeout=1.0) as producer:
            async with producer.execution("backup", source="manual"):
                pass
            before = ticks
            with own_server.frozen(), pytest.raises(WalUnavailable):
                await refused_to_run(producer)
        # Blocked for a second, it would have ticked once at most.
        assert ticks - before > 5
        ticking.cancel()

    asyncio.run(main())


def test_hundreds_of_runs_that_wait_for_the_server_hold_up_nothing_else_and_end_when_cancelled(
    own_server: Server, namespace: str
) -> None:
    """The loop's own threads stay free, and a start that has not begun to wait is dropped by a cancellation."""

    async def main() -> None:
        with Producer(own_server.url, namespace, timeout=0.5) as producer, own_server.frozen():
            runs = [asyncio.create_task(refused_to_run(producer)) for _ in range(400)]
            assert await asyncio.get_running_loop().getaddrinfo("localhost", 80)
            assert not any(run.done() for run in runs)
            for run in runs:
                run.cancel()
            await asyncio.wait(runs, return_when=asyncio.FIRST_COMPLETED)
            assert sum(run.cancelled() for run in runs) >= 300
            await asyncio.wait(runs)
            assert all(run.cancelled() for run in runs)

    asyncio.run(main())


async def refused_to_run(producer: Producer) -> None:
    async with producer.execution("backup", source="manual"):
        raise AssertionError("the body ran")


def test_many_runs_at_once_in_one_loop_are_all_recorded(shared_server: Server, namespace: str) -> None:
    async def job(producer: Producer) -> None:
        async with producer.execution("job", source="manual") as run:
            await asyncio.sleep(0)
            run.output = run.execution_id

    async def main() -> None:
        with Producer(shared_server.url, namespace, timeout=PATIENT) as producer:
            await asyncio.gather(*(job(producer) for _ in range(100)))

    asyncio.run(main())
    assert counted(shared_server, namespace) == {"entries": 200, "duplicates": 0, "missing": 0, "cleanups": 0}


# -- servers that say no --


def test_a_key_of_another_type_is_a_refusal(shared_server: Server, client: redis.Redis, namespace: str) -> None:
    client.set(f"{{{namespace}}}:wal", "mine")
    with Producer(shared_server.url, namespace) as producer, pytest.raises(WalRefused, match="WRONGTYPE"):
        clean_up(producer)


def test_an_account_that_may_not_append_is_refused_and_no_password_shown(own_server: Server, namespace: str) -> None:
    with own_server.client() as admin:
        admin.execute_command("ACL", "SETUSER", "engine", "on", ">s3cret", "~*", "+@all", "-xadd")
    url = f"redis://engine:s3cret@127.0.0.1:{own_server.port}/0"
    with Producer(url, namespace) as producer, pytest.raises(WalRefused, match="no permissions") as refusal:
        clean_up(producer)
    for shown in (str(refusal.value), repr(refusal.value), repr(producer), repr(vars(producer))):
        assert "s3cret" not in shown


def test_a_wrong_password_is_refused_and_not_shown(own_server: Server, namespace: str) -> None:
    with own_server.client() as admin:
        admin.config_set("requirepass", "right")
    try:
        with Producer(f"redis://:wr0ng@127.0.0.1:{own_server.port}/0", namespace) as producer:
            with pytest.raises(WalRefused) as refusal:
                clean_up(producer)
            assert "wr0ng" not in str(refusal.value) + str(refusal.value.__cause__)
        with (
            Producer(f"redis://127.0.0.1:{own_server.port}/0", namespace) as producer,
            pytest.raises(WalRefused, match=r"(?i)authentication required"),
        ):
            clean_up(producer)
    finally:
        with redis.Redis(port=own_server.port, password="right") as admin:
            admin.config_set("requirepass", "")


def test_a_full_memory_is_waited_out(own_server: Server, namespace: str) -> None:
    with own_server.client() as admin:
        with Producer(own_server.url, namespace, timeout=0.3) as producer:
            admin.config_set("maxmemory", "1")  # byte
            with pytest.raises(WalUnavailable, match="maxmemory") as trouble:
                clean_up(producer)
            assert type(trouble.value) is WalUnavailable
            admin.config_set("maxmemory", "0")
            assert producer.resend(trouble.value).seq == 1
        assert written(admin, namespace) == [(trouble.value.receipt.by, "1")]


def test_a_master_that_is_none_any_more_is_waited_out(own_server: Server, namespace: str) -> None:
    with own_server.client() as admin, Producer(own_server.url, namespace, timeout=PATIENT) as producer:
        clean_up(producer)
        admin.execute_command("REPLICAOF", "127.0.0.1", vacant_port())
        with ThreadPoolExecutor() as pool:
            attempt = pool.submit(clean_up, producer)
            assert wait([attempt], timeout=0.3).not_done
            admin.execute_command("REPLICAOF", "NO", "ONE")
            assert attempt.result().seq == 2


def test_a_server_that_is_loading_is_waited_out(own_server: Server, namespace: str) -> None:
    with own_server.client() as admin, Producer(own_server.url, namespace, timeout=PATIENT) as producer:
        clean_up(producer)
        admin.execute_command("DEBUG", "POPULATE", "2000")
        admin.config_set("key-load-delay", "500")  # microseconds
        admin.config_set("loading-process-events-interval-bytes", "1024")
        with ThreadPoolExecutor() as pool:
            loading = pool.submit(reload, own_server)
            eventually(lambda: is_loading(admin), what="the server to load")
            assert clean_up(producer).seq == 2
            loading.result()


def reload(server: Server) -> None:
    with redis.Redis(port=server.port, socket_timeout=PATIENT) as admin:
        admin.execute_command("DEBUG", "RELOAD")


def is_loading(client: redis.Redis) -> bool:
    try:
        client.ping()
    except redis.BusyLoadingError:
        return True
    return False


# -- clients of each kind --


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_client_object_of_either_protocol_will_do(
    shared_server: Server, client: redis.Redis, namespace: str, protocol: int
) -> None:
    with redis.Redis(port=shared_server.port, protocol=protocol) as given:
        with Producer(given, namespace) as producer:
            receipt = clean_up(producer)
        assert given.ping()  # still open
    assert written(client, namespace) == [(receipt.by, "1")]


@pytest.fixture
def one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The producer does not try again; whoever does, is redis-py."""
    monkeypatch.setattr("producer.delivery.direct._FIRST_PAUSE", 2 * PATIENT)


@pytest.mark.usefixtures("one_attempt")
def test_a_client_s_own_retries_are_not_used(client: redis.Redis, proxy: Proxy, namespace: str) -> None:
    """redis-py 8 sends a command whose reply was lost again by itself; here only the producer does, who knows."""
    proxy.inject(Fault.CUT_REPLY)
    with redis.Redis(port=proxy.port) as given, pytest.raises(WalUnavailable):
        clean_up(Producer(given, namespace, timeout=PATIENT))
    assert proxy.injected == 1
    assert len(written(client, namespace)) == 1


def test_a_bounded_pool_is_shared_by_more_threads_than_it_has_connections(
    shared_server: Server, namespace: str
) -> None:
    pool = redis.ConnectionPool(port=shared_server.port, max_connections=2)
    given = redis.Redis(connection_pool=pool)
    producer = Producer(given, namespace, timeout=PATIENT)
    threads = [threading.Thread(target=lambda: [clean_up(producer) for _ in range(5)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pool.disconnect()
    assert counted(shared_server, namespace) == {"entries": 40, "duplicates": 0, "missing": 0, "cleanups": 40}


def test_a_unix_socket_will_do(tmp_path: Path, namespace: str) -> None:
    for server in running(tmp_path, "--unixsocket", str(tmp_path / "socket")):
        with Producer(f"unix://{tmp_path}/socket?db=0", namespace) as producer:
            receipt = clean_up(producer)
        with server.client() as client:
            assert written(client, namespace) == [(receipt.by, "1")]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Server]:
    yield from running_node(tmp_path)


def test_a_cluster_s_client_will_do(cluster: Server, namespace: str) -> None:
    with RedisCluster("127.0.0.1", cluster.port) as given, Producer(given, namespace) as producer:
        receipts = [clean_up(producer) for _ in range(3)]
    with cluster.client() as client:
        assert written(client, namespace) == [(receipt.by, str(receipt.seq)) for receipt in receipts]


@pytest.mark.usefixtures("one_attempt")
def test_a_cluster_s_client_does_not_repeat_by_itself_either(cluster: Server, namespace: str) -> None:
    with Proxy(cluster.port) as proxy:
        here = ("127.0.0.1", proxy.port)
        with RedisCluster(*here, address_remap=lambda _: here) as given:
            proxy.inject(Fault.CUT_REPLY)
            with pytest.raises(WalUnavailable):
                clean_up(Producer(given, namespace, timeout=PATIENT))
        assert proxy.injected == 1
    with cluster.client() as client:
        assert len(written(client, namespace)) == 1


def test_a_cluster_that_goes_away_is_unavailable(cluster: Server, namespace: str) -> None:
    with RedisCluster("127.0.0.1", cluster.port, socket_timeout=1) as given:
        producer = Producer(given, namespace, timeout=0.2)
        clean_up(producer)
        cluster.kill()
        trouble, _ = timed(lambda: clean_up(producer))
    assert type(trouble) is WalUnavailable


def test_a_slot_that_nobody_serves_is_waited_out(cluster: Server, namespace: str) -> None:
    """As while a cluster fails over or is moved about."""
    with cluster.client() as admin, Producer(cluster.url, namespace, timeout=0.2) as producer:
        slot = admin.execute_command("CLUSTER", "KEYSLOT", f"{{{namespace}}}:wal")
        admin.execute_command("CLUSTER", "DELSLOTS", slot)
        with pytest.raises(WalUnavailable) as trouble:
            clean_up(producer)
        assert type(trouble.value) is WalUnavailable
        admin.execute_command("CLUSTER", "ADDSLOTS", slot)
        eventually(lambda: admin.execute_command("CLUSTER INFO")["cluster_state"] == "ok", what="the cluster")
        assert producer.resend(trouble.value).seq == 1


@contextmanager
def found_by_sentinel(port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[redis.Redis]:
    """A client as `master_for` makes it, whose Sentinel names the server at `port`."""
    manager = Sentinel([])
    monkeypatch.setattr(manager, "discover_master", lambda _: ("127.0.0.1", port))
    with manager.master_for("orders") as given:
        yield given


def test_a_sentinel_s_client_will_do(
    shared_server: Server, client: redis.Redis, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with found_by_sentinel(shared_server.port, monkeypatch) as given:
        receipt = clean_up(Producer(given, namespace))
    assert written(client, namespace) == [(receipt.by, "1")]


def test_a_late_reply_to_a_sentinel_s_client_does_not_answer_the_next_operation(
    client: redis.Redis, proxy: Proxy, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """redis-py leaves such a connection open when its reply is late."""
    with found_by_sentinel(proxy.port, monkeypatch) as given:
        producer = Producer(given, namespace, timeout=1.0)
        clean_up(producer)
        proxy.inject(Fault.HOLD_REPLY)
        with pytest.raises(WalUnavailable):
            clean_up(producer)
        assert proxy.injected == 1
        proxy.release()
        assert_answered_each(client, namespace, [clean_up(producer) for _ in range(3)])


@pytest.fixture
def promoted(tmp_path: Path) -> Iterator[Server]:
    yield from running(tmp_path)


def test_a_failover_that_sentinel_announces_is_followed(
    own_server: Server, promoted: Server, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = Sentinel([])
    masters = [own_server.port]
    monkeypatch.setattr(manager, "discover_master", lambda _: ("127.0.0.1", masters[-1]))
    with manager.master_for("orders") as given, own_server.client() as admin:
        producer = Producer(given, namespace, timeout=PATIENT)
        clean_up(producer)
        masters.append(promoted.port)
        admin.execute_command("REPLICAOF", "127.0.0.1", promoted.port)  # READONLY from here on
        receipt = clean_up(producer)
        with promoted.client() as client:
            assert (receipt.by, "2") in written(client, namespace)
