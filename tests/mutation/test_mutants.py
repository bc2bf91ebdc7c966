"""The mutation check still fits the product. Whether the mutants die, `python -m tests.mutation` finds out."""

from __future__ import annotations

import re

import pytest

from tests.mutation.copied import ROOT
from tests.mutation.mutant import Mutant, NoLongerThere
from tests.mutation.mutants import MUTANTS, ORDINARY


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.guard)
def test_each_guard_stands_where_it_is_taken_out(mutant: Mutant) -> None:
    assert mutant.mutated(ROOT) != (ROOT / mutant.file).read_text()


@pytest.mark.parametrize("test", sorted({ORDINARY} | {test for mutant in MUTANTS for test in mutant.tests}))
def test_each_test_that_has_to_notice_is_there(test: str) -> None:
    file, _, name = test.partition("::")
    assert re.search(rf"^def {name}\(", (ROOT / file).read_text(), re.MULTILINE)


def test_a_guard_that_moved_is_told() -> None:
    moved = Mutant("a guard of before", "projector/commit/commit.lua", {"if not like this": ""}, ())
    with pytest.raises(NoLongerThere, match=r"a guard of before: .* found 0 times"):
        moved.mutated(ROOT)
