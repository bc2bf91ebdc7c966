"""Verification on a real server: identical is identical, and every kind of difference is found."""

from __future__ import annotations

import re
from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest

from projector.bounds import Bounds
from projector.connection.reader import Reader
from projector.errors import ConfigMismatch, Damaged
from projector.shadow import rebuild
from projector.verification import Difference, Verification, verify
from tests.support.commands import projector
from tests.support.projecting import running
from tests.support.projection import Log, completed, fill
from tests.support.servers import Server

pytestmark = pytest.mark.server


def verified(log: Log) -> Verification:
    return verify(log.client, log.namespace)


def test_a_projection_is_identical_to_the_fold_of_its_log(log: Log) -> None:
    fill(log)
    count = log.drain()
    outcome = verified(log)
    assert outcome.identical, outcome.differences
    assert (outcome.at, outcome.entries, outcome.moved) == (log.checkpoint("last_id"), count, False)


def test_the_command_that_repairs_a_difference_names_the_namespace(log: Log, shared_server: Server) -> None:
    fill(log)
    log.drain()
    log.client.hset(log.key("totals"), "successes", 1)
    ended = projector("verify", "--url", shared_server.url, "--namespace", log.namespace)
    assert ended.returncode == 1
    assert ended.stdout.endswith(f"; repair it with: projector rebuild --namespace {log.namespace}\n")


def test_entries_after_the_checkpoint_do_not_matter(log: Log) -> None:
    fill(log)
    count = log.drain()
    log.add_completions(10)
    outcome = verified(log)
    assert (outcome.identical, outcome.entries) == (True, count)


def test_an_empty_namespace_is_identical(log: Log) -> None:
    assert verified(log).identical
    log.add_completions(1)
    assert verified(log).identical


def test_bounds_are_those_of_the_projection(log: Log) -> None:
    log.bounds = Bounds(max_entries=3, max_actions=2, max_in_flight=2, max_quarantine=1)
    fill(log)
    log.drain()
    assert verified(log).identical


def test_a_first_commit_during_the_verification_is_compared_under_its_own_bounds(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.bounds = Bounds(max_entries=3)
    fill(log)
    call = Reader.call

    def call_before_the_commit(reader: Reader, *command: Any) -> Any:
        reply = call(reader, *command)
        if not log.client.exists(log.key("checkpoint")):
            log.drain()
        return reply

    monkeypatch.setattr(Reader, "call", call_before_the_commit)
    outcome = verified(log)
    assert (outcome.at, outcome.differences) == (log.checkpoint("last_id"), ())


def test_a_log_of_another_type_is_named(log: Log) -> None:
    log.client.set(log.key("wal"), "vandal")
    with pytest.raises(Damaged, match=f"^{re.escape(log.key('wal'))} holds another type"):
        verified(log)


def test_a_projection_that_moves_while_it_is_verified_is_identical(log: Log) -> None:
    fill(log)
    stop = False

    def write() -> None:
        number = 0
        while not stop:
            log.add(completed(f"b{number % 90}", number % 5 > 0))
            number += 1

    with running(log.projector()):
        writer = Thread(target=write)
        writer.start()
        try:
            log.wait_for_entries(200)
            outcomes = [verified(log) for _ in range(5)]
        finally:
            stop = True
            writer.join()
    assert all(outcome.identical for outcome in outcomes), [outcome.differences for outcome in outcomes]
    assert any(outcome.moved for outcome in outcomes)


TAMPERINGS: dict[str, tuple[Callable[[Log], object], str]] = {
    "a total": (lambda log: log.client.hincrby(log.key("totals"), "successes", 1), "totals"),
    "an action's field": (lambda log: log.client.hset(log.key("action:a1"), "last_error", "x"), "action:a1"),
    "an action's field gone": (lambda log: log.client.hdel(log.key("action:a1"), "failures"), "action:a1"),
    "an action's hash gone": (lambda log: log.client.delete(log.key("action:a1")), "action:a1"),
    "an action more": (lambda log: log.client.zadd(log.key("actions"), {"x": 1}), "actions"),
    "a score": (lambda log: log.client.zadd(log.key("actions"), {"a1": 1}), "actions"),
    "a bucket": (lambda log: log.client.hset(log.key("durations:a1"), "7", 1), "durations:a1"),
    "a record less": (lambda log: log.client.lpop(log.key("executions")), "executions"),
    "an action's record less": (lambda log: log.client.rpop(log.key("executions:a1")), "executions:a1"),
    "a failure more": (lambda log: log.client.lpush(log.key("failures"), "{}"), "failures"),
    "a cleanup less": (lambda log: log.client.delete(log.key("cleanups")), "cleanups"),
    "a run in flight less": (lambda log: log.client.hdel(log.key("in_flight"), "a3#run-3"), "in_flight"),
    "an orphan more": (lambda log: log.client.hset(log.key("orphans"), "x", "{}"), "orphans"),
    "a producer": (lambda log: log.client.hset(log.key("producers"), "p", "{}"), "producers"),
    "a scanner": (lambda log: log.client.hset(log.key("scanner:s"), "failures", 9), "scanner:s"),
    "a counter": (lambda log: log.client.hincrby(log.key("checkpoint"), "duplicates", 1), "checkpoint"),
    "torn": (lambda log: log.client.hset(log.key("checkpoint"), "torn", "1-1"), "checkpoint"),
    "the quarantine emptied": (lambda log: log.client.delete(log.key("quarantine")), "quarantine"),
    "the quarantine written": (lambda log: log.client.xadd(log.key("quarantine"), {"op": "x"}), "quarantine"),
    "a stray key": (lambda log: log.client.set(log.key("action:nobody"), "x"), "action:nobody"),
    "a key of another type": (lambda log: retype(log, "totals"), "totals"),
    "the checkpoint gone": (lambda log: log.client.delete(log.key("checkpoint")), "executions"),
    "an old entry deleted": (lambda log: log.client.xdel(log.key("wal"), first_entry(log)), "checkpoint"),
    "the checkpoint's entry deleted": (lambda log: log.client.xdel(log.key("wal"), log.checkpoint("last_id")), "wal"),
}


def retype(log: Log, name: str) -> None:
    log.client.delete(log.key(name))
    log.client.set(log.key(name), "x")


def first_entry(log: Log) -> bytes:
    found: list[tuple[bytes, object]] = log.client.execute_command("XRANGE", log.key("wal"), "-", "+", "COUNT", 1)
    return found[0][0]


@pytest.mark.parametrize("name", list(TAMPERINGS))
def test_what_somebody_changed_is_found_and_a_rebuild_mends_it(log: Log, name: str) -> None:
    tamper, suffix = TAMPERINGS[name]
    fill(log)
    log.drain()
    tamper(log)
    outcome = verified(log)
    assert not outcome.identical
    assert log.key(suffix) in {difference.key for difference in outcome.differences}
    rebuild(log.client, log.namespace, accept_loss="a test")
    assert verified(log).identical
    log.add_completions(3)
    assert log.drain() == 3
    assert verified(log).identical


@pytest.mark.parametrize("name", ["quarantine", "orphans"])
def test_a_key_of_another_type_is_a_difference_where_the_fold_has_nothing(log: Log, name: str) -> None:
    log.add_completions(1)
    log.drain()
    log.client.set(log.key(name), "vandal")
    assert verified(log).differences == (Difference(log.key(name), "", None, "another type"),)
    log.rebuild()
    assert verified(log).identical


def test_a_projection_of_another_schema_is_refused_with_the_cure(log: Log) -> None:
    fill(log)
    log.drain()
    log.client.hset(log.key("checkpoint"), "schema", "0")
    with pytest.raises(ConfigMismatch, match="projector rebuild"):
        verified(log)
    log.rebuild()
    assert verified(log).identical
