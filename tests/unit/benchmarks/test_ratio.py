"""The arithmetic of the benchmarks, and that everybody is measured with the same entries."""

from __future__ import annotations

import sqlite3
import sys
from itertools import islice
from pathlib import Path

import orjson
import pytest

from producer.connection.server import UNNAMED
from producer.operations import decode, encode
from producer.spool import file
from producer.spool.lock import Owner
from projector.fold.entry import read_entry
from tests.benchmarks.__main__ import main
from tests.benchmarks.catalogue import BENCHMARKS, ON_REQUEST
from tests.benchmarks.ground.baselines import BareTable
from tests.benchmarks.ground.drained import Drained
from tests.benchmarks.ground.full_bounds import FullBounds
from tests.benchmarks.ground.workload import CLEANUPS, SETTLED, WORKLOADS, Workload
from tests.benchmarks.ratio import Rounds, Row, at_least, at_most, percentile
from tests.benchmarks.report import json_report, text_report
from tests.benchmarks.rows.projecting.hold_up import waits_of
from tests.benchmarks.rows.rivals import rivals
from tests.benchmarks.scale import SHORT


def row(ours: tuple[float, ...], theirs: tuple[float, ...], **more: object) -> Row:
    return Row("projection", "50 actions", "bare drain", "entries/s", ours, theirs, **more)  # type: ignore[arg-type]


def test_the_ratio_is_the_median_of_the_rounds_and_the_spread_their_extremes() -> None:
    """A round's figures belong together: the ratio of medians would mix a slow minute with a fast one."""
    taken = row((50.0, 10.0, 90.0), (100.0, 10.0, 100.0))
    assert taken.ratios == (0.5, 1.0, 0.9)
    assert taken.ratio == 0.9
    assert taken.spread == (0.5, 1.0)


@pytest.mark.parametrize(
    ("target", "ratio", "reached", "regressed"),
    [
        (at_least(0.6), 0.60, True, False),
        (at_least(0.6), 0.59, False, False),
        (at_least(0.6), 0.47, False, True),
        (at_most(1.5), 1.50, True, False),
        (at_most(1.5), 1.51, False, False),
        (at_most(1.5), 1.90, False, True),
    ],
)
def test_the_short_form_forgives_a_fifth_of_a_target_and_no_more(
    target: object, ratio: float, reached: bool, regressed: bool
) -> None:
    """Below 0.8 of a floor, or above a ceiling divided by 0.8, it is a regression."""
    taken = row((ratio,), (1.0,), target=target)
    assert (taken.reached, taken.regressed) == (reached, regressed)


def test_a_row_for_comparison_is_neither_reached_nor_regressed() -> None:
    """Without a target there is nothing to judge."""
    taken = row((1.0,), (100.0,))
    assert (taken.reached, taken.regressed) == (None, False)


def test_an_absolute_limit_is_reported_and_never_guarded() -> None:
    """CI judges ratios only: the machine it runs on is nobody's promise."""
    taken = row((3.0,), (0.1,), target=at_most(200), limit=at_most(2))
    assert (taken.reached, taken.regressed) == (False, False)


def test_rounds_take_figures_in_turns() -> None:
    """Ours, then each baseline, and again: a slower minute slows them all."""
    order: list[str] = []

    def take(name: str) -> float:
        order.append(name)
        return float(len(order))

    rounds = Rounds(2)
    rounds.measure("ours", lambda: take("ours"))
    rounds.measure("bare", lambda: take("bare"))
    assert rounds.run() == {"ours": (1.0, 3.0), "bare": (2.0, 4.0)}
    assert order == ["ours", "bare", "ours", "bare"]


def test_a_percentile_is_a_figure_that_was_taken() -> None:
    """Nothing is interpolated; of few figures the highest is the 99th."""
    assert percentile([3.0, 1.0, 2.0], 0.99) == 3.0
    assert percentile([float(figure) for figure in range(1000)], 0.99) == 990.0
    assert percentile([3.0, 1.0, 2.0], 0.50) == 2.0


@pytest.mark.parametrize("workload", [*WORKLOADS, SETTLED], ids=lambda workload: workload.name)
def test_a_workload_is_the_same_each_time_and_folds_without_complaint(workload: Workload) -> None:
    """Ours and the baselines get the same bytes, which are those that our producer would write."""
    entries = list(workload.entries(3000))
    assert entries == list(workload.entries(3000))
    for number, fields in enumerate(entries, 1):
        read = read_entry(b"%d-0" % number, fields)
        assert read.rejection is None
        assert read.by is not None
        assert encode(decode(fields[1])) == fields[1]


def test_a_workload_is_made_of_starts_and_completions_in_halves_with_one_failure_in_ten() -> None:
    """As the issue has it: execution ids throughout, outputs of 200 bytes, errors with the failures."""
    operations = [orjson.loads(fields[1]) for fields in WORKLOADS[0].entries(20_000)]
    completions = [operation for operation in operations if operation["type"] == "action_execution_completed"]
    failures = [operation for operation in completions if not operation["success"]]
    assert len(completions) == pytest.approx(10_000, rel=0.01)
    assert len(failures) == pytest.approx(1_000, rel=0.1)
    assert all(operation["error"] for operation in failures)
    assert all(len(operation["output"].encode()) == 200 for operation in completions)
    assert all(operation["execution_id"] for operation in operations)
    assert len({operation["action_id"] for operation in operations}) == 50


def test_one_workload_has_cleanups_mixed_in() -> None:
    """A quarter of them, failures included."""
    operations = [orjson.loads(fields[1]) for fields in CLEANUPS.entries(4000)]
    cleanups = [operation for operation in operations if operation["type"] == "cleanup_executed"]
    assert len(cleanups) == 1000
    assert not all(operation["success"] for operation in cleanups)


def test_the_log_to_full_bounds_has_names_of_256_bytes() -> None:
    """Bounded by bytes: a longer one would be refused and quarantined, and the bound not be reached."""
    for fields in islice(FullBounds().log(), 3):
        operation = orjson.loads(fields[1])
        assert len(operation["action_id"]) == 256
        assert read_entry(b"1-0", fields).rejection is None


def test_reports_name_the_figures_and_whether_targets_are_reached() -> None:
    """As Markdown for people, as one JSON document for programs."""
    taken = row((50.0,), (100.0,), target=at_least(0.6), note="beside a neighbour")
    text = text_report({"cpu": "one"}, [taken], [])
    assert "| 0.5 (0.5 to 0.5)" in text
    assert "≥ 0.6" in text
    assert "beside a neighbour" in text
    (found,) = orjson.loads(json_report({"cpu": "one"}, [taken], [], short=True))["rows"]
    assert (found["ratio"], found["reached"], found["regressed"]) == (0.5, False, False)


def test_an_insert_that_the_spool_is_compared_with_is_into_a_table_of_the_same_shape(tmp_path: Path) -> None:
    """Columns, types and key: what a bare insert leaves out would be ours to pay."""
    file.create(
        tmp_path / "spool", Owner(by="host:1:x", namespace="x", server=UNNAMED.url), synchronous="normal"
    ).close()
    bare = BareTable(tmp_path / "bare", vfs="unix")
    bare.insert_of(b"{}")()
    bare.close()
    shapes = []
    for name in ("spool", "bare"):
        connection = sqlite3.connect(tmp_path / name)
        shapes.append(connection.execute("PRAGMA table_info(operation)").fetchall())
        connection.close()
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(
    ("ratios", "status", "measured"), [([0.6, 0.4], 0, 1), ([0.4, 0.6], 0, 2), ([0.4, 0.4], 1, 2)]
)
def test_the_short_form_measures_a_regression_twice_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, ratios: list[float], status: int, measured: int
) -> None:
    """A neighbour's minute passes; what has become slow stays slow, and fails."""
    coming = iter(ratios)
    monkeypatch.setitem(BENCHMARKS, "query", lambda _scale: [row((next(coming),), (1.0,), target=at_least(0.6))])
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--short", "query"])
    assert main() == status
    assert list(coming) == ratios[measured:]


def test_each_entry_of_the_churn_brings_names_that_none_before_it_had() -> None:
    """Of 256 bytes, in a later turn as well: whatever is at its bound has to make room each time."""
    full = FullBounds()
    entries = [fields for turn in range(2) for fields in full.churn(turn, 50)]
    assert all(read_entry(b"1-0", fields).rejection is None for fields in entries)
    names = {orjson.loads(fields[1])["action_id"] for fields in entries}
    assert len(names) == len({fields[3] for fields in entries}) == 100
    assert {len(name) for name in names} == {256}


def test_a_ping_that_is_held_up_counts_for_those_that_it_kept_back() -> None:
    """Else the p99 would tell of PINGs, and the more of them were quick the less of a client that comes just then."""
    drained = Drained(1, begun=1.0, ended=2.0, cpu=0.1, peak_kib=1)
    waits = waits_of([(0.9, 0.9), (1.0, 0.0001), (1.1, 0.0016), (2.1, 0.9)], drained)
    assert waits == pytest.approx([0.1, 1.6, 1.1, 0.6, 0.1])


def test_rivals_are_run_on_request_only_and_left_out_where_they_are_not_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """CI has neither their packages nor Node; whoever names them is told what to install."""
    assert not set(ON_REQUEST) & set(BENCHMARKS)
    monkeypatch.setattr(rivals, "find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", "")
    assert ON_REQUEST["rivals"](SHORT) == []
    assert capsys.readouterr().err.count("not installed; ") == 3
