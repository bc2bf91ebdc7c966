"""`producer import` on a real server: what it says, and what a projector makes of what it wrote."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.commands import PRODUCER, environment_of, run_command
from tests.support.foreign_log import COMPLETED, OTHER, STARTED, line
from tests.support.projection import Log
from tests.support.servers import free_port

pytestmark = pytest.mark.server


def import_(log: Log, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environ = environment_of(log.url, log.namespace)
    return run_command([PRODUCER, "import", *map(str, arguments)], env=environ, text=True)


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
    assert "2,002 appended, 2 of them new (2,000 duplicates)" in longer.stdout
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
    assert "mend what is bad and import it again: only that is new then" in ended.stdout
    log.drain()
    assert log.totals()["total_executions"] == 2
    assert log.checkpoint("missing") == "1"

    write(path, *lines[:3], bytes(flipped), *lines[4:], line(6, STARTED))  # its writer has gone on
    assert import_(log, path).returncode == 1
    log.drain()
    assert log.client.hlen(log.key("in_flight")) == 2  # the run whose end was lost, and the new one

    mended = import_(log, write(path, *lines, line(6, STARTED)))
    assert mended.returncode == 0
    assert "7 appended, 1 of them new (6 duplicates)" in mended.stdout
    assert "every operation" not in mended.stdout
    log.drain()
    assert log.totals()["total_executions"] == 3
    assert (log.client.hlen(log.key("in_flight")), log.checkpoint("missing")) == (1, "0")


def test_a_line_out_of_order_is_bad_and_a_wrong_number_in_the_last_line_spoils_no_longer_copy(
    log: Log, tmp_path: Path
) -> None:
    lines = runs(0, 4)
    ended = import_(log, write(tmp_path / "wal.jsonl", lines[0], lines[2], lines[1], lines[3]))
    assert ended.returncode == 1
    assert "line 3: sequence: expected more than 2, which line 2 has, found 1; sort the file" in ended.stderr
    assert "3 appended, 1 bad" in ended.stdout
    wrong = import_(log, write(tmp_path / "wal.jsonl", *lines[:4], line(900, STARTED)))
    assert wrong.returncode == 1
    assert "line 5: sequence: expected about 4, found 900" in wrong.stderr
    import_(log, write(tmp_path / "wal.jsonl", *lines))
    log.drain()
    assert log.totals()["total_executions"] == 4
    assert (log.checkpoint("missing"), log.client.hlen(log.key("in_flight"))) == ("0", 0)


def test_files_of_json_lines_with_a_header_in_common_all_count(log: Log, tmp_path: Path) -> None:
    head = b'{"type":"log_opened","version":1}'
    files = [write(tmp_path / f"{name}.jsonl", head, *plain(name, count)) for name, count in (("a", 3), ("b", 6))]
    ended = import_(log, *files)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "duplicates" not in ended.stdout
    log.drain()
    assert (log.totals()["cleanups"], log.checkpoint("missing")) == (9, "0")

    longer = import_(log, write(files[0], head, *plain("a", 4)))
    assert "taken for a longer copy of a file whose import brought 3 of these" in longer.stdout


def plain(scanner_id: str, count: int) -> list[bytes]:
    """Operations as JSON Lines has them."""
    operation = {"type": "cleanup_executed", "scanner_id": scanner_id, "action": "delete", "success": True}
    at = COMPLETED["completed_at"]
    return [json.dumps({**operation, "resource_id": str(one), "executed_at": at}).encode() for one in range(count)]


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
    path = write(tmp_path / "wal.jsonl", *runs(0, 2))
    ended = import_(log, "--dry-run", path)
    assert ended.stdout == f"{tmp_path}/wal.jsonl: 4 lines, 4 operations to append, 0 bad\n"
    assert log.client.exists(log.key("wal")) == 0
    import_(log, path)
    assert "4 operations to append, 0 of them new (4 duplicates)" in import_(log, "--dry-run", path).stdout


def test_a_dry_run_with_the_server_away_reads_the_files_and_says_that_duplicates_are_not_known(
    log: Log, tmp_path: Path
) -> None:
    log.url = f"redis://127.0.0.1:{free_port()}/0"
    ended = import_(log, "--dry-run", write(tmp_path / "wal.jsonl", *runs(0, 2)))
    assert ended.returncode == 0
    assert ended.stdout == f"{tmp_path}/wal.jsonl: 4 lines, 4 operations to append, 0 bad\n"
    assert ended.stderr.startswith("producer: not known how many are duplicates: 127.0.0.1:")
    assert ended.stderr.count("\n") == 1


def test_the_usage_names_the_files_plainly(log: Log) -> None:
    usage = import_(log, "--help").stdout.splitlines()[0]
    assert "FILE" in usage
    assert usage.count("...") == 1
    assert usage.isascii()


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


# -- on a terminal --

HIDE_CURSOR, SHOW_CURSOR = b"\x1b[?25l", b"\x1b[?25h"


@contextmanager
def on_a_terminal(log: Log, *arguments: str | Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """`producer import` with stderr a terminal: the process, and the terminal's other side."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [PRODUCER, "import", *arguments],
        env=environment_of(log.url, log.namespace, TERM="xterm"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    with process:
        try:
            yield process, ours
        finally:
            process.kill()
            os.close(ours)


def shown_until(terminal: int, wanted: bytes = b"") -> bytes:
    """What comes out of the terminal up to `wanted`, or to the end."""
    shown = b""
    with suppress(OSError):  # nobody writes any more
        while (not wanted or wanted not in shown) and (more := os.read(terminal, 4096)):
            shown += more
    return shown


def test_on_a_terminal_a_bar_shows_how_far_it_is_and_goes_again(log: Log, tmp_path: Path) -> None:
    path = write(tmp_path / "wal[1].jsonl", *runs(0, 2000))
    with on_a_terminal(log, path) as (process, terminal):
        shown = shown_until(terminal)
        assert process.stdout is not None
        told = process.stdout.read().decode()
        assert process.wait(60) == 0
    assert b"wal[1].jsonl" in shown
    assert shown.count(HIDE_CURSOR) == shown.count(SHOW_CURSOR) == 1
    assert told == f"{path}: 4,000 lines, 4,000 appended, 0 bad\n"


def test_ctrl_c_ends_an_import_as_any_program_and_gives_the_cursor_back(log: Log, tmp_path: Path) -> None:
    log.url = f"redis://127.0.0.1:{free_port()}/0"
    path = write(tmp_path / "wal.jsonl", *runs(0, 2))
    with on_a_terminal(log, "--patience", "300", path) as (process, terminal):
        shown = shown_until(terminal, b"wal.jsonl")
        process.send_signal(signal.SIGINT)
        shown += shown_until(terminal)
        assert process.wait(60) == -signal.SIGINT
    assert shown.rindex(SHOW_CURSOR) > shown.rindex(HIDE_CURSOR)
    assert b"Traceback" not in shown


def test_stdin_is_a_file_too(log: Log, tmp_path: Path) -> None:
    path = write(tmp_path / "wal.jsonl", *runs(0, 2), b"{")
    with path.open("rb") as stdin:
        environ = environment_of(log.url, log.namespace)
        done = run_command([PRODUCER, "import", "-"], env=environ, stdin=stdin.fileno(), text=True)
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, "stdin: 5 lines, 4 appended, 1 bad")
    assert done.stderr.startswith("producer: stdin, line 5: ")
    again = import_(log, path)
    assert "4 appended, 0 of them new (4 duplicates)" in again.stdout
    assert import_(log, tmp_path / "absent").returncode == 2
