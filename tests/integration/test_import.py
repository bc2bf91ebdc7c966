"""`producer import` on a real server: what it says, and what a projector makes of what it wrote."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.projection import Log
from tests.unit.test_import import COMPLETED, OTHER, STARTED, line

pytestmark = pytest.mark.server


def import_(log: Log, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "WAL_URL": log.url, "WAL_NAMESPACE": log.namespace}
    return subprocess.run(
        [Path(sys.executable).with_name("producer"), "import", *arguments],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def write(path: Path, *lines: bytes, tail: bytes = b"") -> Path:
    path.write_bytes(b"".join(one + b"\n" for one in lines) + tail)
    return path


def runs(first: int, count: int) -> list[bytes]:
    """Lines of `count` runs, a start and an end each, from the sequence `first` on."""
    return [
        line(first + number, {**operation, "execution_id": f"r{(first + number) // 2}"})
        for number, operation in enumerate([STARTED, COMPLETED] * count)
    ]


def test_a_file_is_imported_once_however_often_and_a_longer_copy_adds_what_is_new(log: Log, tmp_path: Path) -> None:
    path = write(tmp_path / "wal.jsonl", *runs(0, 1000), line(2000, OTHER))
    first = import_(log, path)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith(
        f"{path}: 2,001 lines, 2,000 appended, 1 of other types skipped ('key_value_set' 1), 0 bad"
    )
    log.drain()
    before = log.totals()
    assert (before["total_executions"], before["failures"]) == (1000, 1000)
    assert log.checkpoint("missing") == "0"

    again = import_(log, path)
    assert again.returncode == 0
    assert "every operation in it is a duplicate" in again.stdout
    log.drain()
    assert log.totals() == before
    assert log.checkpoint("duplicates") == "2000"

    write(path, *runs(0, 1000), line(2000, OTHER), *runs(2002, 1))
    longer = import_(log, path)
    assert "2,002 appended (2,000 of them duplicates" in longer.stdout
    assert "every operation" not in longer.stdout
    log.drain()
    assert log.totals()["total_executions"] == 1001
    assert (log.checkpoint("missing"), log.checkpoint("quarantined")) == ("0", "0")


def test_a_second_import_is_known_for_one_before_anything_was_projected(log: Log, tmp_path: Path) -> None:
    path = write(tmp_path / "wal.jsonl", *runs(0, 1200))
    assert "every operation" not in import_(log, path).stdout
    assert "every operation in it is a duplicate" in import_(log, path).stdout
    log.drain()
    assert log.totals()["total_executions"] == 1200


def test_a_flipped_bit_and_a_torn_end_are_told_by_line_and_the_rest_counts(log: Log, tmp_path: Path) -> None:
    lines = runs(0, 3)
    flipped = bytearray(lines[3])
    flipped[flipped.index(b"notify")] ^= 1
    path = write(tmp_path / "wal.jsonl", *lines[:3], bytes(flipped), *lines[4:], tail=line(6, STARTED)[:-20])
    ended = import_(log, path)
    assert ended.returncode == 1
    told = ended.stderr.splitlines()
    assert [one.partition(": ")[2].partition(": ")[0] for one in told] == [f"{path}, line 4", f"{path}, line 7"]
    assert "checksum: expected" in told[0]
    assert "torn" in told[1]
    assert "5 appended, 2 bad" in ended.stdout
    log.drain()
    assert log.totals()["total_executions"] == 2
    assert log.checkpoint("missing") == "0"

    write(path, *lines[:3], bytes(flipped), *lines[4:], line(6, STARTED))  # its writer has gone on
    assert import_(log, path).returncode == 1
    log.drain()
    assert log.client.hlen(log.key("in_flight")) == 2  # the run whose end was lost, and the new one


def test_a_log_begun_anew_under_the_same_machine_id_is_told(log: Log, tmp_path: Path) -> None:
    import_(log, write(tmp_path / "old.jsonl", *runs(0, 5)))
    ended = import_(log, write(tmp_path / "new.jsonl", *runs(0, 2)))
    assert "a log begun anew under the same machine id" in ended.stdout


def test_parts_of_a_log_may_be_named_in_any_order(log: Log, tmp_path: Path) -> None:
    late = write(tmp_path / "wal.jsonl", *runs(10, 5))
    early = write(tmp_path / "wal.jsonl.1", *runs(0, 5))
    ended = import_(log, late, early)
    assert ended.stdout.splitlines() == [f"{path}: 10 lines, 10 appended, 0 bad" for path in (early, late)]
    log.drain()
    assert log.totals()["total_executions"] == 10
    assert log.checkpoint("duplicates") == "0"


def test_a_dry_run_says_what_would_be_and_writes_nothing(log: Log, tmp_path: Path) -> None:
    ended = import_(log, "--dry-run", write(tmp_path / "wal.jsonl", *runs(0, 2)))
    assert ended.stdout == f"{tmp_path}/wal.jsonl: 4 lines, 4 operations to append, 0 bad\n"
    assert log.client.exists(log.key("wal")) == 0


def test_json_lines_of_operations_are_imported_once_too(log: Log, tmp_path: Path) -> None:
    plain = [line(0, operation).partition(b'"operation":')[2].partition(b',"checksum"')[0] for operation in
             (STARTED, COMPLETED)]  # fmt: skip
    path = write(tmp_path / "operations.jsonl", *plain)
    assert "2 appended" in import_(log, path).stdout
    assert "every operation in it is a duplicate" in import_(log, path).stdout
    log.drain()
    assert log.totals()["total_executions"] == 1


def test_a_server_that_is_away_is_one_line_and_a_file_that_is_not_there_another(log: Log, tmp_path: Path) -> None:
    absent = import_(log, tmp_path / "absent")
    assert absent.returncode == 2
    assert "does not exist" in absent.stderr
    log.url = "redis://127.0.0.1:1/0"
    ended = import_(log, "--patience", "0.3", write(tmp_path / "wal.jsonl", *runs(0, 1)))
    assert ended.returncode == os.EX_TEMPFAIL
    assert ended.stderr.startswith("producer: not acknowledged: 127.0.0.1:1: ")
    assert len(ended.stderr.splitlines()) == 1
