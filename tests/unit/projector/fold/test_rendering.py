"""How a history in memory becomes keys."""

from __future__ import annotations

import pytest

from projector.bounds import Bounds
from projector.fold.history import History
from projector.fold.rendering import render
from projector.fold.table import NotLoaded
from projector.keys import Keys
from tests.support.fold.logs import broken_completion, cleaned, completed, folded, numbered, projected, started


def test_nothing_read_is_no_key() -> None:
    assert list(render(History(Bounds()), Keys("n"))) == []


def test_keys_that_would_be_empty_do_not_exist() -> None:
    history = folded(numbered(broken_completion()), Bounds())
    assert {key: kind for key, kind, _ in render(history, Keys("n"))} == {
        b"{n}:totals": "hash",
        b"{n}:quarantine": "stream",
        b"{n}:checkpoint": "hash",
    }


def test_a_shadow_has_the_same_content_under_its_own_keys() -> None:
    history = folded(numbered(completed("a"), cleaned("s")), Bounds())
    shadow = {key: content for key, _, content in render(history, Keys("n", shadow=True))}
    live = {key: content for key, _, content in render(history, Keys("n"))}
    assert shadow == {key.replace(b"{n}:", b"{n}:rebuild:"): content for key, content in live.items()}


def test_the_checkpoint_names_schema_and_bounds() -> None:
    fields = projected(completed("a"), bounds=Bounds(max_gaps=7))["checkpoint"]
    assert fields["schema"] == "2"
    assert '"max_gaps":7' in fields["config"]


def test_a_history_with_rows_elsewhere_cannot_be_rendered() -> None:
    history = folded(numbered(started("a")), Bounds())
    history.in_flight.unload(1)
    with pytest.raises(NotLoaded):
        list(render(history, Keys("n")))
