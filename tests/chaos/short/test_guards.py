"""Guards that only a rare meeting of faults puts to the test; without one of them nothing else here would fail.

`tests/mutation` takes them out one by one, and names the tests that notice.
"""

from __future__ import annotations

import pytest
import redis

from projector.bounds import Bounds
from projector.errors import Damaged, Superseded
from projector.keys import GROUP
from projector.shadow import rebuild
from tests.support.projecting import Hand
from tests.support.projection import Log, completed, raw_entries
from tests.support.servers import Server

_EITHER_CARRIER = pytest.mark.usefixtures("_either_carrier")


@pytest.fixture
def log(shared_server: Server, client: redis.Redis, namespace: str) -> Log:
    return Log(client, shared_server.url, namespace)


@_EITHER_CARRIER
def test_a_zombie_commits_nothing_onto_a_projection_that_was_rebuilt_with_other_bounds(log: Log) -> None:
    """The rebuilt projection stands at the very entry where the zombie stands: only the lease tells them apart."""
    log.add_completions(9)
    zombie = Hand(log)
    assert zombie.step()
    rebuild(log.client, log.namespace, changes={"max_entries": 3})
    log.bounds = Bounds(max_entries=3)
    log.add_completions(1)
    # What the zombie asks for next: its group is as it left it, since nobody has begun a session since.
    with pytest.raises(Superseded, match="lease"):
        zombie.step()
    assert len(log.records("executions")) == 3
    assert '"max_entries":3,' in log.checkpoint("config")
    log.drain()
    assert log.projection() == log.replayed()


def test_a_commit_that_the_server_broke_off_stops_this_projector_and_the_next(log: Log) -> None:
    log.add_completions(1)
    hand = Hand(log)
    assert hand.step()
    log.add(completed("a"))
    log.add("no JSON")
    log.client.execute_command("XADD", log.key("quarantine"), f"{2**63}-0", "reason", "by hand")
    with pytest.raises(Damaged, match=r"by half: .*projector rebuild"):
        hand.step()
    log.client.delete(log.key("lease"), log.key("quarantine"))  # whoever tidies up by hand has not repaired it
    with pytest.raises(Damaged, match=r"by half.*projector rebuild"):
        log.drain()
    rebuild(log.client, log.namespace)
    assert log.projection() == log.replayed()


@_EITHER_CARRIER
def test_a_commit_that_was_broken_off_is_found_by_the_next_commit_too(log: Log) -> None:
    log.add_completions(1)
    hand = Hand(log)
    assert hand.step()
    log.client.hset(log.key("checkpoint"), "torn", "5-5")
    before = log.projection()
    log.add_completions(1)
    with pytest.raises(Damaged, match=r"by half.*projector rebuild"):
        hand.step()
    assert log.projection() == before


def test_a_new_session_reads_from_the_checkpoint_wherever_the_group_stands(log: Log) -> None:
    """As after a crash between reading and committing: the group is ahead, and must not stay there."""
    log.add_completions(5)
    crashed = Hand(log, ttl_ms=100)
    crashed.read_ahead()
    log.client.delete(log.key("lease"))
    successor = Hand(log)
    assert successor.step()
    assert log.entries() == 5
    assert log.totals()["total_executions"] == 5


def test_half_a_commit_is_found_though_nothing_follows_it(log: Log) -> None:
    log.add_completions(1)
    log.drain()
    log.client.hset(log.key("checkpoint"), "torn", "5-5")
    with pytest.raises(Damaged, match=r"by half.*projector rebuild"):
        log.drain()


@_EITHER_CARRIER
def test_entries_taken_before_the_first_commit_are_noticed(log: Log) -> None:
    hand = Hand(log)
    log.add_completions(3)
    first, *_ = raw_entries(log.client, log.key("wal"))
    log.client.xgroup_setid(log.key("wal"), GROUP, first[0])
    with pytest.raises(Superseded, match="out of order"):
        hand.step()
    assert log.projection() == {}


def test_who_has_no_lease_does_not_reset_the_group(log: Log) -> None:
    """A zombie that finds nothing to read must not move the group under the one that is active."""
    log.add_completions(1)
    zombie = Hand(log)
    assert zombie.step()
    log.client.set(log.key("lease"), "the active one", px=60_000)
    log.add_completions(1)
    log.client.xgroup_setid(log.key("wal"), GROUP, "$")
    with pytest.raises(Superseded, match="the active one"):
        zombie.step()
    assert log.client.xinfo_groups(log.key("wal"))[0]["last-delivered-id"].decode() != log.checkpoint("last_id")


def test_a_number_that_comes_late_counts_once(log: Log) -> None:
    for seq in (1, 3, 2, 2, 3):
        log.add(completed("a"), "by", "host:1:0123456789abcdef", "seq", seq, "acked", 0)
    log.drain()
    assert log.totals()["total_executions"] == 3
    assert (log.checkpoint("duplicates"), log.checkpoint("missing")) == ("2", "0")
