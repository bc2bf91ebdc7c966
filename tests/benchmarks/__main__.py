"""The command: python -m tests.benchmarks [--json] [--short] [NAME…]"""

from __future__ import annotations

import argparse
import sys
from time import perf_counter

from tests.benchmarks.catalogue import BENCHMARKS, ON_REQUEST
from tests.benchmarks.costs import costs_of
from tests.benchmarks.machine import machine_facts
from tests.benchmarks.ratio import SLACK, Row
from tests.benchmarks.report import json_report, text_report
from tests.benchmarks.scale import LONG, SHORT, Scale

_COSTS = "costs"
_NAMES = (*BENCHMARKS, _COSTS, *ON_REQUEST)


def main() -> int:
    """Exit status 1 when the short form has found a regression; the long form only reports."""
    arguments = _arguments()
    scale = SHORT if arguments.short else LONG
    names: list[str] = arguments.names or list(BENCHMARKS)
    machine = machine_facts()
    rows = [row for name in names if name != _COSTS for row in _rows(name, scale)]
    costs = costs_of(scale) if _COSTS in names else []
    if arguments.json:
        print(json_report(machine, rows, costs, short=arguments.short))
    else:
        print(text_report(machine, rows, costs))
    regressed = [row for row in rows if row.regressed] if arguments.short else []
    for row in regressed:
        _say(f"REGRESSED: {row.benchmark}, {row.case}: {row.ratio:.3g} {row.baseline}, target {row.target}")
    return 1 if regressed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(_NAMES))
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument(
        "--short",
        action="store_true",
        help=f"some 3 minutes, for CI: exit status 1 when a ratio is below {SLACK} of its target",
    )
    arguments = parser.parse_args()
    unknown = set(arguments.names).difference(_NAMES)
    if unknown:
        parser.error(f"expected names of {', '.join(_NAMES)}, found {', '.join(sorted(unknown))}")
    return arguments


def _rows(name: str, scale: Scale) -> list[Row]:
    """The short form measures what looks regressed once more: few rounds, and a neighbour can spoil a minute."""
    rows = _run(name, scale)
    if scale is SHORT and (regressed := [row for row in rows if row.regressed]):
        _say(f"{name}: {', '.join(f'{row.case}: {row.ratio:.3g}' for row in regressed)}; once more, to be sure")
        rows = _run(name, scale)
    return rows


def _run(name: str, scale: Scale) -> list[Row]:
    begun = perf_counter()
    rows = (BENCHMARKS | ON_REQUEST)[name](scale)
    _say(f"{name}: {perf_counter() - begun:.0f} s")
    return rows


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
