"""The fold against the naive model of `tests/support/fold/model.py`: any log, the same history."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from projector.bounds import Bounds
from projector.fold.entry import read_entry
from projector.fold.fold import fold
from projector.fold.history import History
from tests.support.fold.logs import TINY, Log, cleaned, folded, logs, numbered, projection_of
from tests.support.fold.model import Model, Projection

_NAMES = st.integers(0, 119).map(str) | st.just("(other)")


def modelled(log: Log, bounds: Bounds) -> Projection:
    model = Model(bounds)
    for entry_id, fields in log:
        model.read(entry_id, fields)
    return model.projection()


@settings(max_examples=100, deadline=None)
@given(log=logs(losses=True))
def test_any_log_gives_the_models_history_after_each_entry(log: Log) -> None:
    """Bounds hold after each operation: hence the comparison after each entry."""
    history, model = History(TINY), Model(TINY)
    assert projection_of(history) == model.projection()
    for entry_id, fields in log:
        fold(history, read_entry(entry_id.encode(), fields))
        model.read(entry_id, fields)
        assert projection_of(history) == model.projection()


@settings(max_examples=100, deadline=None)
@given(log=logs(most=80, losses=True))
def test_any_log_gives_the_models_history_when_no_bound_is_reached(log: Log) -> None:
    assert projection_of(folded(log, Bounds())) == modelled(log, Bounds())


@settings(max_examples=30, deadline=None)
@given(first=st.lists(_NAMES, max_size=40), all_names=st.permutations(range(110)), more=st.lists(_NAMES, max_size=40))
def test_any_names_of_cleanup_actions_are_counted_as_the_model_counts_them(
    first: list[str], all_names: list[int], more: list[str]
) -> None:
    names = [*first, *map(str, all_names), *more]
    log = numbered(*[cleaned("s", action=name) for name in names])
    assert projection_of(folded(log, TINY)) == modelled(log, TINY)


@settings(max_examples=100, deadline=None)
@given(log=logs(losses=True), at=st.integers(0, 40))
def test_a_history_whose_changes_were_seen_goes_on_the_same(log: Log, at: int) -> None:
    """`changes_seen` forgets what a commit would write, and nothing of the history."""
    history = folded(log[:at], TINY)
    history.changes_seen()
    for entry_id, fields in log[at:]:
        fold(history, read_entry(entry_id.encode(), fields))
    assert projection_of(history) == modelled(log, TINY)
