"""`projector up`, as a user runs it: a server and a projector that begin and end together."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from producer import Producer, Spool
from producer.connection.destination import Destination
from producer.connection.location import spool_directory
from producer.connection.server import UNNAMED, Server
from projector import Query
from tests.support.commands import PRODUCER, PROJECTOR, run_command
from tests.support.recording import record
from tests.support.servers import eventually, vacant_port

pytestmark = pytest.mark.server


def environment(home: Path) -> dict[str, str]:
    """Ours, but at home in `home`, and with no server named."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WAL_", "XDG_"))}
    return {**kept, "HOME": str(home)}


@dataclass
class Up:
    """A `projector up` that has said where it listens."""

    process: subprocess.Popen[str]
    url: str
    examples: list[str]
    """The lines that it shows for another terminal; the export comes first."""

    def reach(self, text: str) -> str:
        """What it says until a line that has `text` in it, which it must say."""
        assert self.process.stdout is not None
        said = ""
        for line in self.process.stdout:
            said += line
            if text in line:
                return said
        raise AssertionError(f"it ended and did not say {text!r}: {said}")

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
            examples = []
            for line in process.stdout:
                if line.startswith("    "):
                    examples.append(line.strip())
                if "Ctrl-C" in line:
                    (url,) = re.findall(r"export WAL_URL=(\S+)", examples[0])
                    yield Up(process, url, examples)
                    return
            raise AssertionError(f"`projector up` ended with {process.wait()} and named no URL")
        finally:
            process.kill()


def projected(url: str) -> int:
    with Query(url) as query:
        return query.status().entries


def rebuild(home: Path, *options: str) -> None:
    command = [*PROJECTOR, "rebuild", *options]
    ended = run_command(command, env=environment(home), text=True)
    assert ended.returncode == 0, ended.stderr


def test_what_is_recorded_without_naming_a_server_is_projected(tmp_path: Path) -> None:
    """The other commands find the server that runs; it ends with status 0."""
    with up(tmp_path) as running:
        command = [PRODUCER, "run", "--action", "hello", "--", "echo", "hi"]
        said = run_command(command, env=environment(tmp_path), text=True)
        assert (said.stdout, said.stderr) == ("hi\n", "")
        eventually(lambda: projected(running.url) == 2, what="start and end to be projected")
        running.process.terminate()
        running.rest()
        assert running.process.returncode == 0
    assert (tmp_path / ".local" / "share" / "execution-wal" / "appendonlydir").is_dir()


def test_without_an_archive_nothing_is_trimmed_unless_asked_for_and_it_says_so(tmp_path: Path) -> None:
    for option, says_so in ((["--no-archive"], True), (["--no-archive", "--retain", "7d"], False), ([], False)):
        with up(tmp_path, "--data", str(tmp_path / "data"), *option) as running:
            assert ("nothing trims the log" in running.reach("active in namespace")) is says_so


@pytest.mark.parametrize("namespace", ["otters", "of-mine"])
def test_the_lines_that_it_shows_work_as_they_stand(tmp_path: Path, namespace: str) -> None:
    """Each after the one before it, in a shell where no more is set than was for `up`; `redis-cli` if it is there."""
    with up(tmp_path, "--namespace", namespace) as running:
        shown = [line.split()[0] for line in running.examples]
        assert shown == ["export", "producer", "projector", *(["redis-cli"] if shutil.which("redis-cli") else [])]
        elsewhere = {"HOME": str(tmp_path / "elsewhere"), "PATH": os.environ["PATH"]}
        script = ["bash", "-ec", "\n".join(running.examples)]
        said = subprocess.run(script, env=elsewhere, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (said.returncode, said.stderr) == (0, "")
        assert said.stdout.startswith("hi\n")
        with Query(running.url, namespace) as query:
            eventually(lambda: query.totals().successes == 1, what="the example to be projected")


def test_it_listens_where_redis_does_when_nobody_else_does(tmp_path: Path) -> None:
    """Then what names no server, the library's own default too, reaches it."""

    def is_free() -> bool:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            return probe.connect_ex(("127.0.0.1", 6379)) != 0

    def listens_there() -> bool:
        """Or another program, maybe another test's `up`, did so before or afterwards."""
        was_free = is_free()
        with up(tmp_path / f"{len(os.listdir(tmp_path))}") as running:
            taken = running.url == "redis://127.0.0.1:6379/0"
        return taken or not (was_free and is_free())

    eventually(listens_there, what="`projector up` to take port 6379")


@pytest.mark.parametrize("is_exported", [True, False])
def test_what_waits_reaches_it_whatever_the_server_was_called_when_it_was_recorded(
    tmp_path: Path, is_exported: bool
) -> None:
    """By its port, which WAL_URL named; by its socket, which older spools have; by no name, while it was away."""
    with up(tmp_path) as running:
        named = Server.named(running.url)
        with redis.Redis.from_url(running.url, protocol=2, decode_responses=True) as client:
            old = Server.named(f"unix://{client.config_get('unixsocket')['unixsocket']}")
        spool = spool_directory(environment(tmp_path))
        for recorded in (named, old, UNNAMED):
            nowhere = Destination(server=Server("redis://nowhere:1/0"), recorded=recorded)
            client = redis.Redis("127.0.0.1", vacant_port())
            producer = Producer(client, spool=Spool(spool, destination=nowhere))
            record(producer, 1)
            producer.close(timeout=0)
        environ = environment(tmp_path) | ({"WAL_URL": running.url} if is_exported else {})
        flushed = run_command([PRODUCER, "flush"], env=environ, text=True)
        assert (flushed.returncode, flushed.stdout, flushed.stderr) == (0, "3 operations delivered\n", "")
        eventually(lambda: projected(running.url) == 3)


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
    """In one line that says who has it."""
    with up(tmp_path) as running:
        second = run_command([*PROJECTOR, "up"], env=environment(tmp_path), text=True, timeout=30)
        assert second.returncode == 1
        assert f"process {running.process.pid} " in second.stderr
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
        running.reach("the server runs on")
        with Producer(running.url) as producer:
            assert producer.action_execution_completed("job", True, duration_ms=1).entry_id
        running.process.terminate()
        running.rest()
        assert running.process.returncode == 1
    with up(tmp_path, "--max-entries", "7") as running:
        running.reach("the server runs on")
        rebuild(tmp_path, "--max-entries", "7")
        running.reach("that is repaired: projecting again")
        with Query(running.url) as query:
            assert query.totals().successes == 2


def test_it_projects_again_by_itself_once_a_rebuild_has_repaired_the_projection(tmp_path: Path) -> None:
    """Whatever was wrong with it; until then no projector is active, and each fault is told once."""
    with up(tmp_path) as running, Producer(running.url) as producer:
        with redis.Redis.from_url(running.url, protocol=2) as client, Query(running.url) as query:
            producer.action_execution_completed("job", True, duration_ms=1)
            eventually(lambda: projected(running.url) == 1)
            for number, damage in enumerate((client.delete, lambda key: client.hset(key, "torn", "9-9")), start=2):
                damage("{otters}:checkpoint")
                producer.action_execution_completed("job", True, duration_ms=1)
                assert "ERROR" in running.reach("the server runs on")
                assert query.status().lease_holder is None
                rebuild(tmp_path)
                said = running.reach("active in namespace")
                assert "that is repaired: projecting again" in said
                assert "ERROR" not in said
                eventually(lambda: query.totals().successes == number, what="the rest")  # noqa: B023
        running.process.terminate()
        running.rest()
        assert running.process.returncode == 0
