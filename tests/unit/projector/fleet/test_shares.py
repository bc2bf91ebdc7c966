"""Who projects which namespace: even shares, nothing moved without need, the same answer for every worker."""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from projector.fleet.sharing.shares import shares_of

WORKERS = st.sampled_from("abcdef")
NAMES = st.sampled_from([f"n{number}" for number in range(12)])
SERVING = st.dictionaries(WORKERS, st.frozensets(NAMES), max_size=6)
HOLDERS = st.dictionaries(NAMES, WORKERS)


def loads(shares: dict[str, str], workers: set[str]) -> Counter[str]:
    found = Counter(dict.fromkeys(workers, 0))
    found.update(shares.values())
    return found


@given(SERVING, HOLDERS)
def test_every_namespace_that_somebody_serves_goes_to_one_that_serves_it(
    serving: dict[str, frozenset[str]], holders: dict[str, str]
) -> None:
    shares = shares_of(serving, holders)
    assert set(shares) == set().union(*serving.values())
    assert all(name in serving[worker] for name, worker in shares.items())


@given(st.sets(WORKERS, min_size=1), st.frozensets(NAMES), HOLDERS)
def test_workers_that_serve_the_same_differ_by_one_at_most_and_nothing_moves_without_need(
    workers: set[str], names: frozenset[str], holders: dict[str, str]
) -> None:
    shares = shares_of(dict.fromkeys(workers, names), holders)
    found = loads(shares, workers)
    assert max(found.values()) - min(found.values()) <= 1
    held = {name: worker for name, worker in holders.items() if name in names and worker in workers}
    even, more = divmod(len(names), len(workers))
    had = sorted(loads(held, workers).values(), reverse=True)
    needed = sum(max(0, count - even - (at < more)) for at, count in enumerate(had))
    assert sum(shares[name] != worker for name, worker in held.items()) == needed


@given(SERVING, HOLDERS)
def test_no_single_move_would_make_shares_more_even(
    serving: dict[str, frozenset[str]], holders: dict[str, str]
) -> None:
    shares = shares_of(serving, holders)
    found = loads(shares, set(serving))
    for name, worker in shares.items():
        assert all(found[worker] - found[other] <= 1 for other, names in serving.items() if name in names)


@given(SERVING, HOLDERS)
def test_what_was_decided_stays_decided(serving: dict[str, frozenset[str]], holders: dict[str, str]) -> None:
    shares = shares_of(serving, holders)
    assert shares_of(serving, shares) == shares


@given(SERVING, HOLDERS, st.randoms(use_true_random=False))
def test_the_order_in_which_facts_come_changes_nothing(
    serving: dict[str, frozenset[str]], holders: dict[str, str], random: Random
) -> None:
    def shuffled(facts: dict[str, object]) -> dict[str, object]:
        items = list(facts.items())
        random.shuffle(items)
        return dict(items)

    assert shares_of(shuffled(serving), shuffled(holders)) == shares_of(serving, holders)  # type: ignore[arg-type]


@given(st.sets(WORKERS, min_size=2), st.frozensets(NAMES), st.data())
def test_a_handover_that_is_under_way_is_gone_on_with(
    workers: set[str], names: frozenset[str], data: st.DataObject
) -> None:
    """Of the namespaces that a worker is to give up, some are free already."""
    giver = min(workers)
    before = dict.fromkeys(names, giver)
    shares = shares_of(dict.fromkeys(workers, names), before)
    given_up = sorted(name for name in names if shares[name] != giver)
    free = data.draw(st.sets(st.sampled_from(given_up))) if given_up else set()
    now = shares_of(dict.fromkeys(workers, names), {name: giver for name in names if name not in free})
    assert {name for name in names if now[name] == giver} == {name for name in names if shares[name] == giver}


def test_a_thousand_namespaces_are_shared_out_in_no_time() -> None:
    names = frozenset(f"n{number}" for number in range(1000))
    serving = {f"w{number}": names for number in range(10)}
    found = loads(shares_of(serving, dict.fromkeys(names, "w0")), set(serving))
    assert set(found.values()) == {100}
