"""The transaction that carries a commit: what happens between its fence and its EXEC, and what a refusal leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import hiredis
import pytest
import redis

from producer.connection.wire import Wire
from projector.bounds import Bounds
from projector.cli.acl import roles
from projector.commit import carrier as carrying
from projector.commit.carrier import COMMIT_SCRIPTS, Carrier
from projector.commit.link import Link
from projector.commit.plan import Plan
from projector.errors import Damaged, LossesFound, ServerRefused, ServerUnavailable, Superseded
from projector.keys import Keys
from projector.verification import verify
from projector.worker.projection_writer import ProjectionWriter
from tests.support.projecting import Hand, assert_right_in_the_end
from tests.support.projection import Log, completed, raw_entries
from tests.support.servers import Server, eventually

pytestmark = pytest.mark.server

Act = Callable[[], object]


@pytest.fixture(autouse=True)
def _by_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying, "_FEW", -1)


@pytest.fixture(params=[2, 3], ids=["RESP2", "RESP3"])
def log(request: pytest.FixtureRequest, shared_server: Server, namespace: str) -> Iterator[Log]:
    with redis.Redis(port=shared_server.port, protocol=request.param) as client:
        yield Log(client, shared_server.url, namespace)


@pytest.fixture
def own_log(own_server: Server, namespace: str) -> Iterator[Log]:
    with own_server.client() as client:
        yield Log(client, own_server.url, namespace)


@pytest.fixture(params=["after the fence", "before EXEC"])
def meanwhile(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Act], None]:
    """Takes what somebody else does between the next fence's yes and EXEC: before a write is sent, or after all."""
    acts: list[Act] = []
    execute, send_on = Link.execute, Wire.send_on

    def execute_later(link: Link, then: Callable[[Any], object], commands: list[bytes]) -> None:
        if acts and request.param == "after the fence":
            acts.pop()()
        execute(link, then, commands)

    def send_in_two(wire: Wire, commands: list[bytes]) -> None:
        if acts:
            *commands, last = commands
            send_on(wire, commands)
            eventually(lambda: is_queued(wire._client, len(commands)), what="all queued")
            acts.pop()()
            commands = [last]
        send_on(wire, commands)

    monkeypatch.setattr(Link, "execute", execute_later)
    monkeypatch.setattr(Wire, "send_on", send_in_two)
    return acts.append


def is_queued(client: Any, commands: int) -> bool:
    """Whether the server has so many commands of some client between MULTI and EXEC."""
    return any(int(one["multi"]) == commands for one in client.client_list())


def calls(log: Log, command: str) -> int:
    """How often `command` has been executed on the server."""
    found: Any = log.client.info("commandstats")
    return int(found.get(f"cmdstat_{command}", {"calls": 0})["calls"])


def test_what_another_has_committed_in_between_stands(log: Log, meanwhile: Callable[[Act], None]) -> None:
    log.add_completions(3)
    zombie = Hand(log)

    def take_over() -> None:
        log.client.delete(log.key("lease"))
        log.drain()
        log.client.set(log.key("lease"), zombie.lease.token, px=60_000)
        stands.update(log.projection())

    stands: dict[str, Any] = {}
    meanwhile(take_over)
    with pytest.raises(Superseded, match="lease or the checkpoint changed"):
        zombie.step()
    assert log.projection() == stands != {}
    assert_right_in_the_end(log)


@pytest.mark.parametrize("value", ["somebody-else", None])
def test_a_lease_that_is_lost_in_between_lets_nothing_pass(
    log: Log, meanwhile: Callable[[Act], None], value: str | None
) -> None:
    log.add_completions(3)
    hand = Hand(log)
    lease = log.key("lease")
    meanwhile(lambda: log.client.set(lease, value, px=60_000) if value else log.client.delete(lease))
    with pytest.raises(Superseded, match="lease or the checkpoint changed"):
        hand.step()
    assert log.projection() == {}
    assert_right_in_the_end(log)


def test_a_lease_that_runs_out_in_between_lets_nothing_pass(log: Log, meanwhile: Callable[[Act], None]) -> None:
    log.add_completions(3)
    hand = Hand(log, ttl_ms=300)
    meanwhile(lambda: eventually(lambda: not log.client.exists(log.key("lease")), what="the lease to run out"))
    with pytest.raises(Superseded, match="lease"):
        hand.step()
    assert log.projection() == {}
    assert_right_in_the_end(log)


def test_an_entry_that_is_appended_in_between_does_no_harm(log: Log, meanwhile: Callable[[Act], None]) -> None:
    log.add_completions(3)
    hand = Hand(log)
    meanwhile(lambda: log.add_completions(1))
    assert hand.step()
    assert log.entries() == 3
    assert hand.step()
    assert_right_in_the_end(log)


def test_an_entry_that_is_deleted_in_between_is_found_as_one_deleted_just_afterwards(
    log: Log, meanwhile: Callable[[Act], None]
) -> None:
    log.add_completions(1)
    hand = Hand(log)
    assert hand.step()
    log.add_completions(1)
    meanwhile(lambda: log.client.xdel(log.key("wal"), log.checkpoint("last_id")))
    assert hand.step()
    assert log.entries() == 2
    with pytest.raises(LossesFound, match="deleted or trimmed 1"):
        hand.step()


def put(log: Log, name: str) -> None:
    """A value where the projection has something else."""
    log.client.delete(log.key(name))
    log.client.set(log.key(name), "vandal")


def assert_rebuild_repairs(log: Log) -> None:
    assert not verify(log.client, log.namespace).identical
    log.client.delete(log.key("lease"))
    log.rebuild()
    assert verify(log.client, log.namespace).identical


@pytest.mark.parametrize("name", ["action:a", "durations:a", "executions:a", "executions", "totals", "actions"])
def test_a_key_of_another_type_fails_alone_and_is_named_with_its_cure(log: Log, name: str) -> None:
    log.add_completions(1)
    hand = Hand(log)
    put(log, name)
    log.add_completions(1, "b")
    with pytest.raises(Damaged, match=rf"}}:{name}: a write of a commit was refused \(WRONGTYPE.*projector rebuild"):
        hand.step()
    assert log.entries() == 2
    assert len(log.records("executions:b")) == 1
    log.client.delete(log.key("lease"), log.key(name))  # whoever tidies up by hand has not repaired it
    with pytest.raises(Damaged, match=r"by half.*projector rebuild"):
        log.drain()
    assert_rebuild_repairs(log)


def test_a_key_of_another_type_is_found_though_the_writer_died_before_it_was_told(log: Log) -> None:
    log.add_completions(1)
    hand = Hand(log)
    put(log, "executions:a")
    hand.session.step(wait=False)
    log.wait_for_entries(1)
    hand.close()
    log.client.delete(log.key("lease"))
    log.add_completions(1, "b")
    assert log.drain() == 1
    assert_rebuild_repairs(log)


def test_what_the_fence_refuses_is_not_sent_and_the_link_goes_on(log: Log) -> None:
    log.add_completions(3)
    hand = Hand(log)
    hand.read_ahead()
    log.client.set(log.key("lease"), "somebody-else", px=60_000)
    before = calls(log, "hset")
    with pytest.raises(Superseded, match="somebody-else"):
        hand.step()
    assert calls(log, "hset") == before
    log.client.set(log.key("lease"), hand.lease.token, px=60_000)
    hand.release()
    assert not log.client.exists(log.key("lease"))
    assert_right_in_the_end(log)


def test_a_commit_renews_the_lease(log: Log) -> None:
    log.add_completions(3)
    hand = Hand(log)
    log.client.pexpire(log.key("lease"), 5000)
    assert hand.step()
    assert log.client.pttl(log.key("lease")) > 50_000


def test_a_server_that_has_forgotten_the_fence_lets_nothing_pass(log: Log) -> None:
    log.add_completions(3)
    hand = Hand(log)
    log.client.script_flush()
    with pytest.raises(Superseded, match=r"(?i)no matching script"):
        hand.step()
    assert log.projection() == {}
    assert_right_in_the_end(log)


def test_a_connection_that_another_thread_closes_in_between_lets_nothing_pass_on_a_new_one(
    log: Log, meanwhile: Callable[[Act], None]
) -> None:
    log.add_completions(3)
    hand = Hand(log)
    meanwhile(lambda: log.client.connection_pool.disconnect())
    with pytest.raises(ServerUnavailable, match="closed"):
        hand.step()
    assert log.projection() == {}
    assert_right_in_the_end(log)


def test_a_shadow_has_no_lease_and_its_commit_passes_whoever_renews_it(
    log: Log, meanwhile: Callable[[Act], None]
) -> None:
    log.add_completions(3)
    log.client.set(log.key("lease"), "the active one", px=60_000)
    writer = shadow_of(log)
    meanwhile(lambda: log.client.pexpire(log.key("lease"), 50_000))
    writer.advance(list(raw_entries(log.client, log.key("wal"))))
    writer.finish()
    assert log.client.hget(log.key("rebuild:checkpoint"), "entries") == b"3"
    assert log.client.pttl(log.key("lease")) <= 50_000


def test_a_shadow_that_another_rebuild_writes_too_lets_nothing_pass(
    log: Log, meanwhile: Callable[[Act], None]
) -> None:
    log.add_completions(3)
    writer = shadow_of(log)
    meanwhile(lambda: log.client.hset(log.key("rebuild:checkpoint"), "last_id", "5-5"))
    writer.advance(list(raw_entries(log.client, log.key("wal"))))
    with pytest.raises(Superseded, match="changed"):
        writer.finish()
    assert [*log.projection()] == [log.key("rebuild:checkpoint")]


class Shadow(ProjectionWriter):
    def __init__(self, link: Link, keys: Keys) -> None:
        super().__init__(link, keys, Bounds())
        self.finish = link.settle
        self.loader.load_tables()


def shadow_of(log: Log) -> Shadow:
    keys = Keys(log.namespace, shadow=True)
    return Shadow(Link(log.client, keys.wal, COMMIT_SCRIPTS), keys)


class Account:
    """A projector's account on `log`'s server, with rights that are changed by `rules`."""

    def __init__(self, log: Log, *rules: str) -> None:
        (role,) = (role for role in roles(log.namespace) if role.name == "projector")
        log.client.execute_command(*role.command(user="projector", password="pw").split(), *rules)
        url = log.url.replace("//", "//projector:pw@")
        self.log = Log(redis.Redis.from_url(url, protocol=2), url, log.namespace)


@pytest.mark.parametrize("command", ["watch", "multi", "exec", "lpush", "pexpire"])
def test_an_account_that_may_not_do_all_of_it_writes_nothing_and_is_told_what_it_may_not(
    own_log: Log, command: str
) -> None:
    own_log.add_completions(3)
    account = Account(own_log)
    hand = Hand(account.log)
    own_log.client.execute_command("ACL", "SETUSER", "projector", f"-{command}")
    with pytest.raises(ServerRefused, match=f"(?i){command}"):
        hand.step()
    assert own_log.projection() == {}


def test_the_account_that_a_projector_is_given_may_be_refused_by_the_fence_and_go_on(own_log: Log) -> None:
    own_log.add_completions(3)
    hand = Hand(Account(own_log).log)
    hand.read_ahead()
    own_log.client.set(own_log.key("lease"), "somebody-else", px=60_000)
    with pytest.raises(Superseded, match="somebody-else"):
        hand.step()
    own_log.client.set(own_log.key("lease"), hand.lease.token, px=60_000)
    hand.release()
    assert not own_log.client.exists(own_log.key("lease"))


def test_with_memory_full_the_same_plan_goes_by_the_script(own_log: Log) -> None:
    own_log.add_completions(3)
    hand = Hand(own_log)
    own_log.client.config_set("maxmemory", "1")
    before = calls(own_log, "watch")
    assert hand.step()
    assert calls(own_log, "watch") == before + 1
    assert hand.session.projection.committed_entries == own_log.entries() == 3
    own_log.client.config_set("maxmemory", "0")
    assert own_log.projection() == own_log.replayed()


def test_with_memory_full_an_inspection_finds_what_the_script_has_committed(own_log: Log) -> None:
    own_log.add_completions(3)
    hand = Hand(own_log)
    hand.session._inspected_at = -1e9
    own_log.client.config_set("maxmemory", "1")
    assert hand.step()
    assert hand.session.projection.committed_entries == own_log.entries() == 3


def test_memory_that_is_full_in_between_lets_the_same_plan_go_by_the_script(
    own_log: Log, meanwhile: Callable[[Act], None]
) -> None:
    own_log.add_completions(3)
    hand = Hand(own_log)
    meanwhile(lambda: own_log.client.config_set("maxmemory", "1"))
    assert hand.step()
    assert hand.session.projection.committed_entries == own_log.entries() == 3
    own_log.client.config_set("maxmemory", "0")
    assert own_log.projection() == own_log.replayed()


def test_with_memory_full_another_lease_lets_nothing_pass(own_log: Log, meanwhile: Callable[[Act], None]) -> None:
    own_log.add_completions(3)
    hand = Hand(own_log)

    def take_over() -> None:
        own_log.client.set(own_log.key("lease"), "somebody-else", px=60_000)
        own_log.client.config_set("maxmemory", "1")

    meanwhile(take_over)
    with pytest.raises(Superseded, match="lease"):
        hand.step()
    assert own_log.projection() == {}


@pytest.mark.parametrize(("more", "transactions"), [(0, 1), (1, 0)])
def test_a_server_that_takes_a_mib_from_a_client_takes_the_largest_plan(
    own_log: Log, more: int, transactions: int
) -> None:
    """Beyond that it goes by the script, whose arguments the server does not queue."""
    own_log.client.config_set("client-query-buffer-limit", "1mb")
    first = own_log.add(completed("a")).encode()
    hand = Hand(own_log)
    plan = Plan(["last_id", first])
    plan.write("LPUSH", hand.keys.executions, [b"x" * 990 for _ in range(950)])
    plan.write("HSET", hand.keys.totals, ["filler", b""])
    lacking = carrying._MOST + more - plan.size
    plan.write("HSET", hand.keys.totals, ["filler", b"x" * (lacking - len(plan.commands[-1]) - 4)])
    assert plan.size == carrying._MOST + more
    committed: list[str] = []
    carrier = Carrier(hand._link, hand.keys, token=hand.lease.token, ttl_ms=60_000)
    before = calls(own_log, "exec")
    carrier.send(plan, "", first, lambda: committed.append("now"))
    hand.session.finish()
    assert committed == ["now"]
    assert own_log.client.llen(own_log.key("executions")) == 950
    assert calls(own_log, "exec") - before == transactions


def test_a_replica_and_the_servers_own_log_get_a_commit_in_one_piece(own_server: Server, own_log: Log) -> None:
    own_log.add_completions(3)
    hand = Hand(own_log)
    assert hand.step()
    own_log.add("the end")
    reader = hiredis.Reader()
    for file in sorted((own_server.directory / "appendonlydir").glob("*.incr.aof")):
        reader.feed(file.read_bytes())
    logged = list(iter(reader.gets, False))
    names = [command[0].upper() for command in logged]
    at = [command[1:2] for command in logged].index([hand.keys.checkpoint])
    first = max(place for place in range(at) if names[place] == b"MULTI")
    last = names.index(b"EXEC", at)
    inside = {command[1] for command in logged[first + 1 : last]}
    assert inside == {hand.keys.lease} | {key.encode() for key in own_log.projection()}
    assert not any(key in inside - {hand.keys.lease} for _, *rest in logged[:first] + logged[last:] for key in rest)


def test_of_two_carriers_a_small_plan_takes_the_script_and_a_large_one_the_transaction(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    hand = Hand(log)
    before = calls(log, "exec")
    log.add_completions(1)
    assert hand.step()
    assert calls(log, "exec") == before
    for number in range(20):
        log.add(completed(f"b{number}"))
    assert hand.step()
    assert calls(log, "exec") == before + 1
    assert_right_in_the_end(log)
