"""The report: Markdown for docs/performance.md, or one JSON document."""

from __future__ import annotations

from dataclasses import asdict
from statistics import median

import orjson

from tests.benchmarks.costs import Cost
from tests.benchmarks.ratio import Row

__all__ = ["json_report", "text_report"]

_HEADINGS = ("benchmark", "case", "unit", "ours", "beside", "theirs", "ratio (spread)", "target", "reached")


def text_report(machine: dict[str, str], rows: list[Row], costs: list[Cost]) -> str:
    parts = [*(f"{name}: {value}" for name, value in machine.items()), ""]
    if rows:
        parts += [_table([_HEADINGS, *(_cells(row) for row in rows)]), ""]
        parts += [f"- {row.benchmark}, {row.case}: {row.note}" for row in _noted(rows)]
    if costs:
        parts += [_table([("case", "part of an entry", "cost", "unit", ""), *(_cost_cells(cost) for cost in costs)])]
    return "\n".join(parts).rstrip()


def json_report(machine: dict[str, str], rows: list[Row], costs: list[Cost], *, short: bool) -> str:
    document = {
        "machine": machine,
        "short": short,
        "rows": [_facts(row) for row in rows],
        "costs": [asdict(cost) for cost in costs],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def _facts(row: Row) -> dict[str, object]:
    return asdict(row) | {
        "ratio": row.ratio,
        "spread": row.spread,
        "reached": row.reached,
        "regressed": row.regressed,
    }


def _cells(row: Row) -> tuple[str, ...]:
    low, high = row.spread
    target = row.target if row.limit is None else f"{row.limit} {row.unit}"
    verdict = {None: "", True: "yes", False: "no"}[row.reached]
    return (
        row.benchmark,
        row.case,
        row.unit,
        _figure(median(row.ours)),
        row.baseline,
        _figure(median(row.theirs)),
        f"{_figure(row.ratio)} ({_figure(low)} to {_figure(high)})",
        str(target or "for comparison"),
        verdict,
    )


def _cost_cells(cost: Cost) -> tuple[str, ...]:
    return cost.case, cost.part, _figure(cost.figure), cost.unit, cost.note


def _noted(rows: list[Row]) -> list[Row]:
    """The first row of each note."""
    return list({(row.benchmark, row.note): row for row in reversed(rows) if row.note}.values())[::-1]


def _figure(value: float) -> str:
    """Three digits that matter, thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in rows]
    lines.insert(1, f"|{'|'.join('-' * (width + 2) for width in widths)}|")
    return "\n".join(lines)
