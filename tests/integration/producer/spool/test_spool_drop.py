"""`producer spool drop`: what can never be delivered is given up, and can be taken back."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from producer import Producer
from tests.support.commands import PRODUCER, environment_of, run_command
from tests.support.recording import record
from tests.support.servers import Server
from tests.support.spooling import AWAY, counted, cut_off

pytestmark = pytest.mark.server

GONE, OTHER = "redis://gone:6379/0", "redis://other:6379/0"


@pytest.fixture
def environ(shared_server: Server, namespace: str, tmp_path: Path) -> dict[str, str]:
    return environment_of(shared_server.url, namespace, WAL_SPOOL=str(tmp_path))


def producer(environ: dict[str, str], *words: str, answer: str = "") -> subprocess.CompletedProcess[str]:
    return run_command([PRODUCER, *words], env=environ, input=answer, text=True)


def left(place: Path, namespace: str, *, url: str, count: int = 3) -> str:
    """The name of a spool with so many operations for the server at `url`."""
    before = set(place.glob("*.spool"))
    with cut_off(url, namespace, place) as dead:
        record(dead, count)
        dead.close(timeout=0)
    (made,) = set(place.glob("*.spool")) - before
    return made.name


def waiting(environ: dict[str, str]) -> set[str]:
    document = json.loads(producer(environ, "spool", "--json").stdout)
    return {spool["file"] for spool in document["spools"]}


def test_all_for_a_server_is_dropped_and_can_be_taken_back(
    environ: dict[str, str], namespace: str, tmp_path: Path
) -> None:
    gone, other = left(tmp_path, namespace, url=GONE), left(tmp_path, namespace, url=OTHER)
    assert f"  {gone}: 3 operations, " in producer(environ, "spool").stdout
    refused = producer(environ, "spool", "drop", "--for", GONE, answer="n\n")
    assert (refused.returncode, refused.stdout.strip()) == (1, "")
    assert "Drop 3 operations in 1 spool? [y/N]" in refused.stderr
    assert waiting(environ) == {gone, other}

    dropped = producer(environ, "spool", "drop", "--for", GONE, answer="y\n")
    assert dropped.returncode == 0
    (told,) = dropped.stdout.lstrip().splitlines()  # behind the space of the question
    assert told.startswith(f"{gone}: 3 operations of ")
    assert waiting(environ) == {other}
    assert producer(environ, "spool", "drop", "--for", GONE, "--yes").stdout == "nothing was dropped\n"

    what, _, back = told.partition(" dropped; to take that back: ")
    assert what
    subprocess.run(back, shell=True, check=True)
    assert waiting(environ) == {gone, other}
    assert producer(environ, "flush", "--moved-from", GONE).returncode == 1  # for OTHER
    assert counted(environ["WAL_URL"], namespace) == {"duplicates": 0, "missing": 0, "quarantined": 0, "cleanups": 3}


def test_a_file_is_dropped_by_its_name_also_if_it_is_damaged(
    environ: dict[str, str], namespace: str, tmp_path: Path
) -> None:
    kept, damaged, named = (left(tmp_path, namespace, url=OTHER) for _ in range(3))
    (tmp_path / damaged).write_bytes(b"no database" * 1000)
    done = producer(environ, "spool", "--spool", str(tmp_path), "drop", "--yes", named, damaged)
    assert done.returncode == 0
    assert f"{named}: 3 operations of " in done.stdout
    assert f"{damaged}: what is in this damaged file dropped; " in done.stdout
    assert waiting(environ) == {kept}
    unknown = producer(environ, "spool", "drop", "--yes", "nowhere.spool")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    for words in ([], [kept, "--for", OTHER]):
        assert producer(environ, "spool", "drop", "--yes", *words).returncode == 2
    assert waiting(environ) == {kept}


def test_what_a_living_producer_holds_stays(environ: dict[str, str], namespace: str, tmp_path: Path) -> None:
    with Producer(AWAY, namespace, spool=tmp_path) as living:
        record(living, 2)
        (held,) = tmp_path.glob("*.spool")
        for words in (["--for", AWAY], [held.name]):
            done = producer(environ, "spool", "drop", "--yes", *words)
            assert (done.returncode, done.stdout) == (1, "")
            assert done.stderr == f"producer: {held.name} stays: a running producer holds it\n"
        living.close(timeout=0)
    assert waiting(environ) == {held.name}
