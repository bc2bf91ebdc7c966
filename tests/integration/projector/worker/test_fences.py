"""The fences, one by one: who may not commit commits nothing, and the history is right in the end."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from projector.bounds import Bounds
from projector.errors import ConfigMismatch, Damaged, Superseded
from projector.keys import GROUP
from tests.support.projecting import Hand, assert_right_in_the_end, running
from tests.support.projection import Log, completed, raw_entries

pytestmark = pytest.mark.server

_EITHER_CARRIER = pytest.mark.usefixtures("_either_carrier")


@_EITHER_CARRIER
def test_a_projector_that_lost_its_lease_commits_nothing(log: Log) -> None:
    log.add_completions(3)
    hand = Hand(log)
    hand.read_ahead()
    log.client.set(log.key("lease"), "somebody-else", px=60_000)
    before = log.projection()
    with pytest.raises(Superseded, match="somebody-else"):
        hand.step()
    assert log.projection() == before
    assert_right_in_the_end(log)


@_EITHER_CARRIER
def test_a_projector_whose_lease_ran_out_commits_nothing(log: Log) -> None:
    log.add_completions(3)
    hand = Hand(log)
    hand.read_ahead()
    log.client.delete(log.key("lease"))
    with pytest.raises(Superseded, match="run out"):
        hand.step()
    assert log.projection() == {}
    assert_right_in_the_end(log)


@_EITHER_CARRIER
def test_a_projector_with_an_old_checkpoint_commits_nothing_even_with_its_lease(log: Log) -> None:
    log.add_completions(3)
    zombie = Hand(log)
    zombie.read_ahead()
    log.client.delete(log.key("lease"))
    log.drain()
    log.client.set(log.key("lease"), zombie.lease.token, px=60_000)
    before = log.projection()
    with pytest.raises(Superseded, match="stands at"):
        zombie.step()
    assert log.projection() == before
    assert_right_in_the_end(log)


def test_half_a_commit_stops_the_projector_and_names_the_cure(log: Log) -> None:
    log.add_completions(1)
    log.drain()
    log.client.hset(log.key("checkpoint"), "torn", "5-5")
    log.add_completions(1)
    with pytest.raises(Damaged, match=r"by half.*projector rebuild"):
        log.drain()
    assert log.entries() == 1


def read_noack(log: Log) -> None:
    log.client.execute_command(
        "XREADGROUP", "GROUP", GROUP, "vandal", "COUNT", 2, "NOACK", "STREAMS", log.key("wal"), ">"
    )


def read_pending(log: Log) -> None:
    log.client.execute_command("XREADGROUP", "GROUP", GROUP, "vandal", "COUNT", 2, "STREAMS", log.key("wal"), ">")


def read_and_acknowledge(log: Log) -> None:
    reply = log.client.execute_command(
        "XREADGROUP", "GROUP", GROUP, "vandal", "COUNT", 2, "STREAMS", log.key("wal"), ">"
    )
    if reply:  # a running projector may have been quicker
        log.client.xack(log.key("wal"), GROUP, *[entry_id for entry_id, _ in reply[0][1]])


def set_to_the_end(log: Log) -> None:
    log.client.xgroup_setid(log.key("wal"), GROUP, "$")


def set_backwards(log: Log) -> None:
    log.client.xgroup_setid(log.key("wal"), GROUP, "0")


def set_forwards(log: Log) -> None:
    waiting = raw_entries(log.client, log.key("wal"), f"({log.checkpoint('last_id')}")
    for entry_id, _ in list(waiting)[:1]:  # none, where a running projector was quicker
        log.client.xgroup_setid(log.key("wal"), GROUP, entry_id)


def destroy_the_group(log: Log) -> None:
    log.client.xgroup_destroy(log.key("wal"), GROUP)


VANDALS = [read_noack, read_pending, read_and_acknowledge, set_to_the_end, set_backwards, set_forwards]


@_EITHER_CARRIER
@pytest.mark.parametrize("vandal", VANDALS)
def test_entries_that_another_reader_took_are_noticed_by_the_next_commit(
    log: Log, vandal: Callable[[Log], None]
) -> None:
    log.add_completions(2)
    hand = Hand(log)
    assert hand.step()
    before = log.projection()
    log.add_completions(3)
    vandal(log)
    log.add_completions(1)
    with pytest.raises(Superseded, match="out of order"):
        hand.step()
    assert log.projection() == before
    assert_right_in_the_end(log)
    assert log.entries() == 6


@pytest.mark.parametrize("vandal", [read_noack, read_pending, read_and_acknowledge, set_to_the_end, set_forwards])
def test_entries_that_another_reader_took_are_projected_though_nothing_more_comes(
    log: Log, vandal: Callable[[Log], None]
) -> None:
    log.add_completions(1)
    hand = Hand(log)
    assert hand.step()
    log.add_completions(1)
    vandal(log)
    assert not hand.step()  # nothing came: the inspection finds the entry that was passed over
    assert hand.step()
    assert log.entries() == 2
    hand.close()
    assert_right_in_the_end(log)


@_EITHER_CARRIER
def test_a_running_projector_outlives_every_kind_of_interference(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="projector")
    written = 0
    with running(log.projector()):
        for vandal in [*VANDALS, destroy_the_group]:
            log.add_completions(5)
            written += 5
            log.wait_for_entries(written)
            log.add_completions(3)
            vandal(log)
            log.add_completions(1)
            written += 4
            log.wait_for_entries(written)
    assert_right_in_the_end(log)
    assert log.totals()["total_executions"] == written


def test_a_key_of_another_type_is_found_before_anything_is_written(log: Log) -> None:
    log.add_completions(1)
    hand = Hand(log)
    log.client.set(log.key("executions:a"), "vandal")
    with pytest.raises(Damaged, match=r"executions:a: expected a list, found a string.*projector rebuild"):
        hand.step()
    log.client.delete(log.key("executions:a"))
    assert log.projection() == {}
    assert_right_in_the_end(log)


def test_a_fixed_key_of_another_type_is_found_at_the_start(log: Log) -> None:
    log.client.set(log.key("totals"), "vandal")
    with pytest.raises(Damaged, match=r"totals: expected a hash, found a string"):
        log.drain()


def test_a_log_of_another_type_is_found_with_the_cure_that_helps(log: Log) -> None:
    log.client.set(log.key("wal"), "vandal")
    with pytest.raises(Damaged, match=r":wal: expected a stream, found a string.*redis-cli RENAME"):
        log.drain()


def test_a_checkpoint_entry_that_was_deleted_stops_the_projector(log: Log) -> None:
    log.add_completions(2)
    log.drain()
    log.client.xdel(log.key("wal"), log.checkpoint("last_id"))
    log.add_completions(1)
    with pytest.raises(Damaged, match=r"is not in the log.*projector rebuild"):
        log.drain()
    assert log.entries() == 2


def test_an_entry_that_was_deleted_before_it_was_read_stops_the_projector(log: Log) -> None:
    log.add_completions(1)
    log.drain()
    lost = log.add(completed("lost"))
    log.add_completions(1)
    log.client.xdel(log.key("wal"), lost)
    with pytest.raises(Damaged, match=r"deleted or trimmed 1: 1 entry is lost, .*rebuild --accept-loss"):
        log.drain()
    assert log.entries() == 1


def test_a_trimmed_log_stops_a_running_projector(log: Log) -> None:
    log.add_completions(5)
    hand = Hand(log)
    assert hand.step()
    log.client.xtrim(log.key("wal"), maxlen=2, approximate=False)
    with pytest.raises(Damaged, match="deleted or trimmed 3"):
        hand.step()


def test_a_deleted_log_stops_the_projector(log: Log) -> None:
    log.add_completions(2)
    log.drain()
    log.client.delete(log.key("wal"))
    log.add_completions(1)
    with pytest.raises(Damaged, match=r"is not in the log"):
        log.drain()


def test_a_deleted_checkpoint_stops_the_projector(log: Log) -> None:
    log.add_completions(2)
    log.drain()
    log.client.delete(log.key("checkpoint"))
    with pytest.raises(Damaged, match=r"without .*checkpoint.*projector rebuild"):
        log.drain()


def test_other_bounds_are_refused_at_once_also_by_a_standby(log: Log) -> None:
    log.add_completions(1)
    log.drain()
    log.bounds = Bounds(max_entries=7)
    with pytest.raises(ConfigMismatch, match="projector rebuild"):
        log.drain()
    log.client.set(log.key("lease"), "the active one", px=60_000)
    with pytest.raises(ConfigMismatch, match="projector rebuild"):
        log.projector().run()


@_EITHER_CARRIER
def test_flushed_scripts_are_loaded_again(log: Log) -> None:
    with running(log.projector()):
        log.add_completions(1)
        log.wait_for_entries(1)
        log.client.script_flush()
        log.add_completions(1)
        log.wait_for_entries(2)
    assert_right_in_the_end(log)


@_EITHER_CARRIER
def test_connections_that_are_killed_are_opened_again(log: Log) -> None:
    with running(log.projector()):
        for count in range(1, 6):
            log.add_completions(1)
            log.wait_for_entries(count)
            log.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert_right_in_the_end(log)
