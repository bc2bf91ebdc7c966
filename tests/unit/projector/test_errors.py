"""The commands that errors advise."""

from __future__ import annotations

import pytest

from projector.errors import command_for, repair_of


def test_a_command_names_the_namespace_if_it_is_not_the_default() -> None:
    assert command_for("otters", "rebuild --max-entries 5") == "projector rebuild --max-entries 5"
    assert command_for("n1", "rebuild --max-entries 5") == "projector rebuild --max-entries 5 --namespace n1"


@pytest.mark.parametrize(
    ("key", "repair"),
    [
        (b"{otters}:totals", "repair it with: projector rebuild"),
        (b"{n1}:action:a}:wal", "repair it with: projector rebuild --namespace n1"),
        (b"{n1}:rebuild:checkpoint", "repair it with: projector rebuild --namespace n1"),
        (b"{n1}:lease", "repair it with: redis-cli DEL '{n1}:lease'"),
        (
            b"{n1}:wal",
            "repair it with: redis-cli RENAME '{n1}:wal' '{n1}:wal-before' && projector rebuild --namespace n1",
        ),
    ],
)
def test_a_rebuild_repairs_every_key_but_the_lease_and_the_log(key: bytes, repair: str) -> None:
    assert repair_of(key) == repair
