"""`projector export` on a real server: what it writes, where, between which times, and what it says of the rest."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from pathlib import Path

import pyarrow.parquet
import pytest

from tests.support.commands import projector, projector_read_in_part
from tests.support.projection import Log, completed, fill, raw_entries
from tests.support.servers import vacant_port

pytestmark = pytest.mark.server


def export(log: Log, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    ended = projector("export", *arguments, "--url", log.url, "--namespace", log.namespace)
    assert ended.returncode == status, ended.stderr
    return ended


def at(moment: int, log: Log) -> str:
    return log.add(completed(f"a{moment}"), entry_id=f"{moment}-1")


def test_every_entry_is_exported_in_every_format(log: Log, tmp_path: Path) -> None:
    fill(log)
    ids = [entry_id.decode() for entry_id, _ in raw_entries(log.client, log.key("wal"))]
    assert [json.loads(line)["id"] for line in export(log).stdout.splitlines()] == ids
    rows = csv.DictReader(io.StringIO(export(log, "--format", "csv").stdout, newline=""))
    assert [row["id"] for row in rows] == ids
    path = tmp_path / "entries.parquet"
    told = export(log, "--format", "parquet", "-o", str(path))
    assert told.stdout == f"exported {len(ids)} entries to {path}\n"
    assert pyarrow.parquet.read_table(path)["id"].to_pylist() == ids


def test_times_bound_it_by_the_ids_of_entries(log: Log) -> None:
    at(1_795_000_000_000, log)
    wanted = [at(1_795_000_001_000, log), at(1_795_000_001_999, log)]
    at(1_795_000_002_000, log)
    since = ["--since", "2026-11-18T11:06:41Z", "--until", "2026-11-18T11:06:42Z"]
    assert [json.loads(line)["id"] for line in export(log, *since).stdout.splitlines()] == wanted


def test_a_file_is_there_whole_or_as_it_was(log: Log, tmp_path: Path) -> None:
    at(1, log)
    path = tmp_path / "entries.jsonl"
    path.write_text("before")
    ended = projector("export", "-o", str(path), "--url", f"redis://127.0.0.1:{vacant_port()}")
    assert ended.returncode == 69
    assert [file.name for file in tmp_path.iterdir()] == ["entries.jsonl"]
    assert path.read_text() == "before"
    export(log, "-o", str(path))
    assert json.loads(path.read_text())["id"] == "1-1"
    assert [file.name for file in tmp_path.iterdir()] == ["entries.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--format", "xml"], "expected jsonl, csv, parquet, found 'xml'"),
        (["--format", "parquet"], "parquet is written to a file alone: -o FILE"),
        (["--since", "5"], "--since: expected a time such as 2h"),
        (["--since", "1h", "--until", "2h"], "--until: it lies before --since"),
        (["-o", "/dev/null"], "expected a file, found something else: /dev/null"),
    ],
)
def test_what_cannot_be_meant_is_refused_as_usage(log: Log, arguments: list[str], said: str) -> None:
    assert said in export(log, *arguments, status=2).stderr.replace("Invalid value for ", "")


@pytest.mark.parametrize("empty_archive", [False, True])
def test_entries_that_are_no_longer_in_the_log_are_told_of(log: Log, tmp_path: Path, empty_archive: bool) -> None:
    log.add_completions(5)
    log.client.xtrim(log.key("wal"), maxlen=2, approximate=False)
    ended = export(log, *(["--archive", str(tmp_path)] if empty_archive else []))
    assert len(ended.stdout.splitlines()) == 2
    assert "incomplete: 3 entries are no longer in the log; if they were archived: --archive WHERE" in ended.stderr


def test_what_was_trimmed_is_exported_from_the_archive(log: Log, tmp_path: Path) -> None:
    begin = 1_795_000_000_000  # 11:06:40
    ids = [at(begin + 1000 * second, log) for second in range(9)]
    log.drain()
    where = str(tmp_path / "archive")
    archived = projector("archive", "once", "--archive", where, "--url", log.url, "--namespace", log.namespace)
    assert archived.returncode == 0, archived.stderr
    log.client.xtrim(log.key("wal"), minid=ids[5], approximate=False)
    ended = export(log, "--archive", where)
    assert [json.loads(line)["id"] for line in ended.stdout.splitlines()][:9] == ids
    assert ended.stderr == ""
    between = ["--since", "2026-11-18T11:06:43Z", "--until", "2026-11-18T11:06:47Z"]
    ended = export(log, "--archive", where, *between)
    assert [json.loads(line)["id"] for line in ended.stdout.splitlines()] == ids[3:7]


def test_an_empty_log_gives_nothing(log: Log) -> None:
    assert export(log).stdout == ""
    assert export(log, "--format", "csv").stdout.startswith("id,time,type,")


def test_a_reader_that_leaves_ends_it_quietly(log: Log) -> None:
    for _ in range(3):
        log.add_completions(2000)
    assert projector_read_in_part("export", "--url", log.url, "--namespace", log.namespace) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_told_of(log: Log) -> None:
    log.add_completions(1)
    with open("/dev/full", "w") as full:
        ended = projector("export", "--url", log.url, "--namespace", log.namespace, stdout=full)
    assert (ended.returncode, ended.stderr) == (1, "projector: standard output: No space left on device\n")
