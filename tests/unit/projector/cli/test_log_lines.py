"""A line of the log: as wide as the terminal at most, and with its namespace first where several are read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from rich.cells import cell_len

from projector.cli.log.lines import text_of

OPERATION: dict[str, Any] = {
    "action_id": "deploy-the-whole-web-shop",
    "duration_ms": 4000,
    "success": False,
    "error": "connection to db-17.example.com:5432 refused after 30 s",
    "labels": {"user": "ann", "host": "build-machine-1.example.com"},
}


def of(namespace: str) -> Any:
    """An entry, as far as its line depends on it."""
    return SimpleNamespace(
        entry_id="1790000000000-0",
        namespace=namespace,
        time=1_790_000_000_000,
        type="action_execution_completed",
        operation=OPERATION,
        by="build-machine-1:42:abc",
        rejection=None,
    )


ENTRY = of("team-shipping")


@pytest.mark.parametrize("width", [60, 70, 79, 80, 100, 200])
@pytest.mark.parametrize("namespace_width", [0, 6, 13, 64])
def test_it_is_no_wider_than_the_terminal(width: int, namespace_width: int) -> None:
    line = text_of(ENTRY, utc=True, width=width, namespace_width=namespace_width)
    assert cell_len(line) <= width
    assert "completed  deploy" in line
    assert "4.0" in line


def test_the_namespace_stands_first_whole_where_nothing_is_cut_and_in_a_column() -> None:
    lines = [text_of(of(name), utc=True, width=None, namespace_width=13) for name in ("team-shipping", "billing")]
    assert lines[0].startswith("team-shipping  2026-09-21 14:13:20  completed  deploy-the-whole-web-shop")
    assert lines[1].startswith("billing        2026-09-21 14:13:20")
    assert lines[0].endswith("ann@build-machine-1.example.com")


def test_without_a_width_for_it_the_line_begins_with_the_time() -> None:
    assert text_of(ENTRY, utc=True, width=None).startswith("2026-09-21 14:13:20  completed")
