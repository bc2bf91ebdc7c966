"""Which names have figures of their own: no counter falls, and what `other` grows by is what the others did."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from projector.metrics.ledger import OTHER, Ledger


class Counted:
    """What a projection counts: (successes, failures, orphaned) by name, and in all for ever."""

    def __init__(self) -> None:
        self.by_name: dict[str, tuple[int, int, int]] = {}
        self.totals = (0, 0, 0)

    def count(self, name: str, *added: int) -> None:
        before = self.by_name.get(name, (0, 0, 0))
        self.by_name[name] = (before[0] + added[0], before[1] + added[1], before[2] + added[2])
        self.totals = (self.totals[0] + added[0], self.totals[1] + added[1], self.totals[2] + added[2])

    def scrape(self, ledger: Ledger) -> dict[str, tuple[int, ...]]:
        """As `reading` does it."""
        if len(self.by_name) <= ledger.bound:
            ledger.take(ledger.unknown(self.by_name))
        elif ledger.should_rank():
            unknown = ledger.unknown(self.by_name)
            ledger.ranked()
            ledger.take(sorted(unknown, key=lambda name: (-sum(self.by_name[name][:2]), name)))
        return ledger.settle(self.totals, {name: self.by_name[name] for name in ledger.names if name in self.by_name})


def ledger_of(bound: int, *, now: float = 0.0) -> Ledger:
    return Ledger(bound, 3, monotonic=lambda: now)


def test_those_with_the_most_runs_are_named_and_the_rest_is_summed() -> None:
    counted = Counted()
    for name, runs in (("a", 1), ("b", 5), ("c", 3), ("d", 2)):
        counted.count(name, runs, 0, 0)
    assert counted.scrape(ledger_of(2)) == {"b": (5, 0, 0), "c": (3, 0, 0), OTHER: (3, 0, 0)}


def test_a_name_stays_named_whatever_others_do() -> None:
    counted, ledger = Counted(), ledger_of(1)
    counted.count("a", 2, 0, 0)
    counted.count("b", 1, 0, 0)
    counted.scrape(ledger)
    counted.count("b", 100, 0, 0)
    counted.count("c", 100, 0, 0)
    assert counted.scrape(ledger) == {"a": (2, 0, 0), OTHER: (201, 0, 0)}


def test_an_action_called_other_is_counted_among_the_others() -> None:
    counted = Counted()
    counted.count(OTHER, 7, 0, 0)
    counted.count("a", 1, 0, 0)
    assert counted.scrape(ledger_of(5)) == {"a": (1, 0, 0), OTHER: (7, 0, 0)}


def test_what_is_evicted_is_not_counted_again_among_the_others() -> None:
    counted, ledger = Counted(), ledger_of(2)
    counted.count("a", 10, 1, 0)
    counted.count("b", 2, 0, 0)
    counted.scrape(ledger)
    del counted.by_name["a"]
    assert counted.scrape(ledger) == {"b": (2, 0, 0), OTHER: (0, 0, 0)}
    counted.count("a", 1, 0, 0)
    assert counted.scrape(ledger) == {"b": (2, 0, 0), "a": (1, 0, 0), OTHER: (0, 0, 0)}


def test_what_gets_a_vacant_place_is_not_taken_from_the_others() -> None:
    now = [0.0]
    counted, ledger = Counted(), Ledger(1, 3, monotonic=lambda: now[0])
    counted.count("a", 9, 0, 0)
    counted.count("b", 4, 0, 0)
    counted.scrape(ledger)
    del counted.by_name["a"]
    counted.scrape(ledger)
    counted.count("c", 1, 0, 0)
    assert counted.scrape(ledger) == {OTHER: (5, 0, 0)}
    now[0] += 3600
    assert counted.scrape(ledger) == {"b": (4, 0, 0), OTHER: (5, 0, 0)}
    counted.count("c", 1, 0, 0)
    assert counted.scrape(ledger) == {"b": (4, 0, 0), OTHER: (6, 0, 0)}


def test_a_run_that_ends_after_all_takes_nothing_back() -> None:
    counted, ledger = Counted(), ledger_of(1)
    counted.count("a", 1, 0, 3)
    counted.count("b", 0, 0, 2)
    counted.scrape(ledger)
    for name in "ab":
        counted.count(name, 1, 0, -1)
    assert counted.scrape(ledger) == {"a": (2, 0, 3), OTHER: (1, 0, 2)}


def test_another_projection_begins_anew() -> None:
    before, after, ledger = Counted(), Counted(), ledger_of(1)
    for name in "abc":
        before.count(name, 50, 0, 9)
        after.count(name, 1, 0, 0)
    before.scrape(ledger)
    assert after.scrape(ledger) == {"a": (1, 0, 0), OTHER: (2, 0, 0)}


@given(
    st.integers(0, 3),
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.integers(0, 3), st.booleans(), st.booleans()), min_size=1, max_size=60
    ),
)
def test_no_counter_falls_and_none_grows_by_what_did_not_happen(
    bound: int, deeds: list[tuple[str, int, bool, bool]]
) -> None:
    """`grown` is what Prometheus reckons: a series that is new has not grown yet, and one that is smaller is new."""
    now = 0.0
    counted, ledger = Counted(), Ledger(bound, 3, monotonic=lambda: now)
    shown = counted.scrape(ledger)
    begun, grown = sum(counted.totals), 0
    evicted: set[str] = set()
    for name, failures, evicts, scrapes in deeds:
        if evicts and name in counted.by_name:
            del counted.by_name[name]
            evicted.add(name)
        else:
            counted.count(name, 1, failures, 0)
        if not scrapes:
            continue
        now += 1000
        after = counted.scrape(ledger)
        for series, counts in after.items():
            before = shown.get(series, counts)
            fell = any(new < old for new, old in zip(counts, before, strict=True))
            assert not fell or series in evicted
            grown += sum(counts) - (0 if fell else sum(before))
        evicted.clear()
        shown = after
    assert grown <= sum(counted.totals) - begun
