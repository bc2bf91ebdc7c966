"""Vandals do what only the projector may: the history ends right, or the projectors stop and a rebuild repairs it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.damage import endure
from tests.chaos.ground.arena import Arena
from tests.chaos.vandals import GROUP_VANDALS, LOG_VANDALS, PROJECTION_VANDALS, Vandal


@pytest.fixture(scope="class")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """One for all vandals of a class: each has to leave it in order."""
    with Arena(tmp_path_factory.mktemp("chaos") / "arena", "vandals", pace=0.03) as prepared:
        yield prepared


@pytest.fixture(scope="class")
def archiving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """The same, archived and trimmed."""
    directory = tmp_path_factory.mktemp("chaos") / "arena"
    with Arena(directory, "vandals", pace=0.03, archives=True) as prepared:
        yield prepared


def _by_name(vandal: Vandal) -> str:
    return vandal.name


class TestAtTheGroup:
    @pytest.mark.parametrize("vandal", GROUP_VANDALS, ids=_by_name)
    def test_the_projectors_go_on(self, arena: Arena, vandal: Vandal) -> None:
        endure(arena, vandal)

    def test_and_in_the_end_the_history_is_right(self, arena: Arena) -> None:
        arena.settle()
        assert arena.violations() == []
        assert arena.figures.transactions > 0


class TestAtTheLog:
    @pytest.mark.parametrize("vandal", LOG_VANDALS, ids=_by_name)
    def test_the_projectors_stop_and_a_rebuild_mends_it(self, archiving: Arena, vandal: Vandal) -> None:
        endure(archiving, vandal)

    def test_and_in_the_end_what_is_gone_is_missing_or_archived(self, archiving: Arena) -> None:
        archiving.settle()
        assert archiving.violations() == []
        assert archiving.figures.left_behind > 0


class TestAtTheProjection:
    @pytest.mark.parametrize("vandal", PROJECTION_VANDALS, ids=_by_name)
    def test_the_projectors_stop_and_a_rebuild_mends_it(self, arena: Arena, vandal: Vandal) -> None:
        endure(arena, vandal)

    def test_and_in_the_end_the_history_is_right(self, arena: Arena) -> None:
        arena.settle()
        assert arena.violations() == []
