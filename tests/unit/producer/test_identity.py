"""A producer's identity, its numbers, and what it claims to be acknowledged: never more than was."""

from __future__ import annotations

import os
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.identity import SETTLE_SECONDS, Identity

MINUTE = SETTLE_SECONDS


def taken(identity: Identity, count: int, now: float = 0.0) -> list[int]:
    return [identity.take(now)[0] for _ in range(count)]


def claim(identity: Identity, now: float) -> int:
    """What an entry written at `now` claims."""
    return identity.take(now)[1]


def test_the_name_tells_host_and_process_and_is_no_other_process_s() -> None:
    one, two = Identity(), Identity()
    host, pid, random = one.by.rsplit(":", 2)
    assert (host, pid) == (socket.gethostname(), str(os.getpid()))
    assert len(bytes.fromhex(random)) >= 8
    assert one.by != two.by


def test_a_long_host_name_of_any_characters_keeps_the_name_within_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "höst\udcff" * 100)
    assert len(Identity().by.encode()) <= 256


def test_numbers_begin_with_one_and_miss_none() -> None:
    assert taken(Identity(), 3) == [1, 2, 3]


def test_an_acknowledgement_is_claimed_a_minute_later_not_before() -> None:
    identity = Identity()
    taken(identity, 1, 1000.0)
    identity.acknowledge(1, 1, 1000.0)
    assert claim(identity, 1000.0 + MINUTE - 0.1) == 0
    assert claim(identity, 1000.0 + MINUTE) == 1


def test_what_is_acknowledged_all_the_time_is_claimed_with_a_minute_s_delay() -> None:
    identity = Identity()
    claims = {}
    for second in range(300):
        now = 1000.0 + second
        seq, claims[second] = identity.take(now)
        identity.acknowledge(seq, seq, now)
    for second, claimed in claims.items():
        # Number n was acknowledged in second n - 1.
        assert claimed <= max(0, second + 1 - MINUTE)
        assert claimed >= second - 2 * MINUTE


def test_a_number_that_is_never_acknowledged_holds_the_claim_back() -> None:
    identity = Identity()
    for seq in taken(identity, 10):
        if seq != 4:
            identity.acknowledge(seq, seq, 0.0)
    assert claim(identity, 10 * MINUTE) == 3


def test_after_a_disturbance_nothing_new_is_claimed_until_an_operation_has_landed() -> None:
    """The first entry that reaches a new master must not claim what only the old one had, however late it comes."""
    identity = Identity()
    taken(identity, 5)
    for seq in range(1, 6):
        identity.acknowledge(seq, seq, 0.0)
    identity.take(1.0)
    assert identity.disturbed(1.0) == 0
    assert claim(identity, 100 * MINUTE) == 0
    identity.acknowledge(6, 6, 100 * MINUTE)
    assert claim(identity, 101 * MINUTE - 1) == 0
    identity.acknowledge(7, 7, 101 * MINUTE - 1)
    assert claim(identity, 103 * MINUTE) >= 6


def test_what_was_about_to_be_claimed_when_the_connection_broke_waits_for_a_minute_more() -> None:
    identity = Identity()

    def operate(now: float) -> int:
        seq, claimed = identity.take(now)
        identity.acknowledge(seq, seq, now)
        return claimed

    operate(1000.0)
    operate(1000.0 + MINUTE - 1)
    assert operate(1000.0 + MINUTE) == 0  # from here on the first two settle
    broken = 1000.0 + 2 * MINUTE - 10
    identity.disturbed(broken)
    assert operate(broken) == 0
    assert operate(broken + MINUTE - 1) == 0
    operate(broken + MINUTE)
    assert operate(broken + 2 * MINUTE) >= 2


def test_a_claim_made_after_silence_is_taken_back_by_a_disturbance() -> None:
    """A host that died in the silence shows at the first attempt; what is sent again claims no more than before."""
    identity = Identity()
    taken(identity, 1)
    identity.acknowledge(1, 1, 0.0)
    assert claim(identity, MINUTE) == 1
    assert identity.disturbed(MINUTE) == 0


class NaiveIdentity:
    """When each number was acknowledged, and nothing else."""

    def __init__(self) -> None:
        self.acknowledged: dict[int, float] = {}

    def prefix(self, now: float) -> int:
        """The highest number up to which all were acknowledged at least a minute before `now`."""
        seq = 0
        while self.acknowledged.get(seq + 1, now) <= now - MINUTE:
            seq += 1
        return seq


steps = st.lists(st.tuples(st.sampled_from(["take", "acknowledge", "disturbed", "wait"]), st.integers(0, 90)))


@given(steps)
def test_a_claim_never_exceeds_what_was_acknowledged_a_minute_ago(steps: list[tuple[str, int]]) -> None:
    identity, naive = Identity(), NaiveIdentity()
    now, pending, last_disturbed = 1000.0, list[int](), -MINUTE
    before = 0
    for what, amount in steps:
        match what:
            case "take":
                seq, claimed = identity.take(now)
                assert claimed <= naive.prefix(now)
                if now - last_disturbed < MINUTE:
                    assert claimed <= before
                else:
                    before = max(before, claimed)
                pending.append(seq)
            case "acknowledge" if pending:
                seq = pending.pop(amount % len(pending))
                identity.acknowledge(seq, seq, now)
                naive.acknowledged[seq] = now
            case "disturbed":
                assert identity.disturbed(now) <= naive.prefix(now)
                last_disturbed = now
            case "wait":
                now += amount


@given(st.permutations(range(1, 25)), st.integers(0, 24))
def test_whatever_the_order_of_acknowledgements_their_prefix_is_claimed(order: list[int], count: int) -> None:
    identity, naive = Identity(), NaiveIdentity()
    taken(identity, len(order))
    for seq in order[:count]:
        identity.acknowledge(seq, seq, 0.0)
        identity.acknowledge(seq, seq, 0.0)  # a second one changes nothing
        naive.acknowledged[seq] = 0.0
    assert claim(identity, MINUTE) == naive.prefix(MINUTE)


def test_threads_take_each_number_once_and_their_acknowledgements_add_up() -> None:
    """No more numbers than may wait for a thread that is held up while it merges: beyond them some are dropped."""
    identity = Identity()

    def work(_: int) -> list[int]:
        seqs = []
        for _ in range(500):
            seq, _claimed = identity.take(1000.0)
            seqs.append(seq)
            identity.acknowledge(seq, seq, 1000.0)
        return seqs

    with ThreadPoolExecutor(8) as pool:
        seqs = [seq for part in pool.map(work, range(8)) for seq in part]
    assert sorted(seqs) == list(range(1, 4001))
    # One more takes along what the threads left to each other at the end.
    last, _ = identity.take(1000.0)
    identity.acknowledge(last, last, 1000.0)
    assert claim(identity, 1000.0 + MINUTE) == 4001


def test_an_acknowledgement_that_interrupts_another_neither_waits_nor_is_lost() -> None:
    """As in a signal handler that records, while the thread it interrupts is merging."""
    identity = Identity()
    taken(identity, 3)
    with identity._merging:
        identity.acknowledge(1, 1, 0.0)
        identity.acknowledge(2, 2, 0.0)
    assert claim(identity, MINUTE) == 0
    identity.acknowledge(3, 3, 0.0)
    assert claim(identity, MINUTE) == 3
