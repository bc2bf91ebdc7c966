"""Bars and sparklines: how long, how high, what is red."""

from __future__ import annotations

import pytest

from projector.cli.display.history.bars import bar, sparkline


@pytest.mark.parametrize(
    ("count", "failures", "drawn"),
    [
        (0, 0, ""),
        (1000, 0, "██████████"),
        (500, 0, "█████"),
        (510, 0, "█████"),
        (550, 0, "█████▌"),
        (1, 0, "▏"),
        (1000, 1, "█████████▒"),
        (1000, 500, "█████▒▒▒▒▒"),
        (1000, 1000, "▒▒▒▒▒▒▒▒▒▒"),
        (1, 1, "▒"),
        (110, 1, "▒"),
        (150, 1, "▌▒"),
    ],
)
def test_a_bar_is_as_long_as_its_count_and_ends_with_its_failures(count: int, failures: int, drawn: str) -> None:
    shown = bar(count, failures, most=1000, width=10)
    assert shown.plain == drawn
    assert [drawn[span.start : span.end] for span in shown.spans if span.style == "red"] == (
        [drawn.lstrip("█▏▌")] if failures else []
    )


def test_no_bar_is_wider_than_its_column() -> None:
    for count in range(101):
        for failures in range(count + 1):
            shown = bar(count, failures, most=100, width=7).plain
            assert len(shown) <= 7
            assert bool(shown) == bool(count)
            assert ("▒" in shown) == bool(failures)


@pytest.mark.parametrize(
    ("values", "drawn"),
    [([], ""), ([0, None, 0], "   "), ([1, 2, 4, 8], "▁▂▄█"), ([0, 1, 100], " ▁█"), ([5, None, 5], "█ █")],
)
def test_a_sparkline_has_a_column_for_each_value(values: list[int | None], drawn: str) -> None:
    assert sparkline(values) == drawn
