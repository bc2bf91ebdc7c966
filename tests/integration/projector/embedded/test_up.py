"""`projector up`, as a user runs it: a server and a projector that begin and end together."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from producer import Producer
from projector import Query
from tests.support.commands import PROJECTOR
from tests.support.servers import eventually

pytestmark = pytest.mark.server

_PRODUCER = [sys.executable, "-c", "from producer.cli import main; main()"]


def environment(home: Path) -> dict[str, str]:
    """Ours, but at home in `home`, and with no server named."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WAL_", "XDG_"))}
    return {**kept, "HOME": str(home)}


@dataclass
class Up:
    """A `projector up` that has said where it listens."""

    process: subprocess.Popen[str]
    url: str

    def rest(self) -> str:
        """What it says until its end."""
        assert self.process.stdout is not None
        said = self.process.stdout.read()
        self.process.wait()
        return said


@contextmanager
def up(home: Path, *options: str) -> Iterator[Up]:
    with subprocess.Popen(
        [*PROJECTOR, "up", *options],
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if found := re.search(r"export WAL_URL=(\S+)", line):
                    yield Up(process, found[1])
                    return
            raise AssertionError(f"`projector up` ended with {process.wait()} and named no URL")
        finally:
            process.kill()


def projected(url: str) -> int:
    with Query(url) as query:
        return query.status().entries


def test_what_is_recorded_without_naming_a_server_is_projected(tmp_path: Path) -> None:
    """The other commands find the server that runs; it ends with status 0."""
    with up(tmp_path) as running:
        command = [*_PRODUCER, "run", "--action", "hello", "--", "echo", "hi"]
        said = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, check=True)
        assert (said.stdout, said.stderr) == ("hi\n", "")
        eventually(lambda: projected(running.url) == 2, what="start and end to be projected")
        running.process.terminate()
        running.rest()
        assert running.process.returncode == 0
    assert (tmp_path / ".local" / "share" / "execution-wal" / "appendonlydir").is_dir()


def test_the_terminals_interrupt_ends_both_after_the_last_commit(tmp_path: Path) -> None:
    """Ctrl-C reaches every process of the terminal's group; what was recorded is there again the next time."""
    with up(tmp_path, "--data", str(tmp_path / "data")) as running:
        with Producer(running.url) as producer:
            for number in range(100):
                producer.action_execution_completed("job", number % 2 == 0, duration_ms=number)
        eventually(lambda: projected(running.url) == 100, what="all to be projected")
        os.killpg(running.process.pid, signal.SIGINT)
        assert "Traceback" not in running.rest()
        assert running.process.returncode == 0
        with pytest.raises(redis.ConnectionError), redis.Redis.from_url(running.url, protocol=2) as client:
            client.ping()
    with up(tmp_path, "--data", str(tmp_path / "data")) as running, Query(running.url) as query:
        assert query.totals().total_executions == 100
        assert query.totals().failures == 50


def test_a_second_one_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    """In one line that says who has it and where that one listens."""
    with up(tmp_path) as running:
        second = subprocess.run(
            [*PROJECTOR, "up"], env=environment(tmp_path), capture_output=True, text=True, timeout=30, check=False
        )
        assert second.returncode == 1
        assert f"process {running.process.pid} " in second.stderr
        assert running.url in second.stderr
        assert len(second.stderr.splitlines()) == 1
        assert projected(running.url) == 0


def test_its_server_does_not_outlive_it(tmp_path: Path) -> None:
    """Not even when it is killed."""

    def answers() -> bool:
        with redis.Redis.from_url(running.url, protocol=2) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False

    with up(tmp_path) as running:
        assert answers()
        running.process.kill()
        eventually(lambda: not answers(), seconds=10, what="the server to end")
    with up(tmp_path) as running:  # the directory is free again
        assert answers()


def test_it_ends_when_its_server_does(tmp_path: Path) -> None:
    """It says what happened and exits with 1, instead of waiting for a server that nobody will start."""
    with up(tmp_path) as running:
        with redis.Redis.from_url(running.url, protocol=2) as client:
            os.kill(client.info("server")["process_id"], signal.SIGKILL)
        assert "was killed by signal 9" in running.rest()
        assert running.process.returncode == 1


def test_a_projection_that_must_be_mended_leaves_the_server_running(tmp_path: Path) -> None:
    """Other bounds than before: `projector rebuild`, which the message names, needs a server to run on."""
    with up(tmp_path) as running:
        with Producer(running.url) as producer:
            producer.action_execution_completed("job", True, duration_ms=1)
        eventually(lambda: projected(running.url) == 1, what="a projection with the default bounds")
        running.process.terminate()
        running.rest()
    with up(tmp_path, "--max-entries", "7") as running:
        assert running.process.stdout is not None
        for line in running.process.stdout:
            if "the server runs on" in line:
                break
        with Producer(running.url) as producer:
            assert producer.action_execution_completed("job", True, duration_ms=1).entry_id
        running.process.terminate()
        running.rest()
        assert running.process.returncode == 1
