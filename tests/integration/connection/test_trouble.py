"""Each trouble on the way to the server is one line: what was tried, what went wrong, why, and what to do next."""

from __future__ import annotations

import logging
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

import producer.cli.app
import projector.cli.app
from producer.terminal.program import run_program
from projector.cli.acl import roles
from tests.support.commands import environment
from tests.support.servers import Server, vacant_port

pytestmark = pytest.mark.server

Run = Callable[..., tuple[int, str]]
APPS = {"producer": producer.cli.app.app, "projector": projector.cli.app.app}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs a command line in this process, for a user without settings: (exit status, stderr)."""
    for name in set(environment(XDG_CONFIG_HOME="", XDG_STATE_HOME="")) | {"WAL_URL", "WAL_NAMESPACE"}:
        if name.startswith(("WAL_", "XDG_")):
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(logging.getLogger("producer"), "handlers", [])  # `flush` adds one of its own

    def running(*words: str, **variables: str) -> tuple[int, str]:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", list(words))
        with pytest.raises(SystemExit) as ended:
            run_program(words[0], APPS[words[0]])
        return int(ended.value.code or 0), capsys.readouterr().err

    return running


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """A server of another protocol: its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(answer)
                    connection.recv(1000)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def guarded(own_server: Server) -> Iterator[Server]:
    """A server with the three accounts of `projector acl`, and one that has no rights."""
    with own_server.client() as client:
        for role in roles("otters"):
            client.execute_command(*role.command(user=role.name, password="pw").split())
        yield own_server


def test_a_port_at_which_nobody_listens(run: Run) -> None:
    where = f"127.0.0.1:{vacant_port()}"
    words = f"projector: {where}: connection refused"
    start = "start that server, or name another: --url, WAL_URL\n"
    assert run("projector", "status", "--url", f"redis://{where}") == (69, f"{words} (named by --url); {start}")
    assert run("projector", "stats", WAL_URL=f"redis://{where}") == (69, f"{words} (named by WAL_URL); {start}")
    status, said = run("producer", "started", "a", WAL_URL=f"redis://{where}")
    assert status == 0
    assert f": {where}: connection refused (named by WAL_URL); {start[:-1]}; to deliver it: producer flush\n" in said
    status, said = run("producer", "flush", WAL_URL=f"redis://{where}")
    assert (status, said) == (
        75,
        f"producer: 1 operation still waits: {where}: connection refused (named by WAL_URL); {start}",
    )


def test_the_settings_file_and_the_default_are_named_too(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = f"127.0.0.1:{vacant_port()}"
    settings = tmp_path / "settings.toml"
    settings.write_text(f'url = "redis://{where}"\n')
    assert "(named by the settings file)" in run("projector", "status", WAL_CONFIG=str(settings))[1]
    monkeypatch.delenv("WAL_CONFIG")
    monkeypatch.setattr("producer.connection.location.DEFAULT_URL", f"redis://{where}/0")
    assert run("projector", "status") == (
        69,
        f"projector: {where}: connection refused (the default, because no server is named and none is up); "
        "start one: projector up; or name yours: --url, WAL_URL\n",
    )


@pytest.mark.parametrize(
    ("url", "words", "cure"),
    [
        (
            "redis://me:s3cret@127.0.0.1:{port}",
            "wrong user name or password",
            "correct the URL, or the password file",
        ),
        ("redis://127.0.0.1:{port}/99", "there is no database of this number", "correct it at the end of the URL"),
        ("redis://127.0.0.1:{http}", "this is no Redis", "correct host and port"),
        ("redis://127.0.0.1:{ssh}", "this is no Redis", "correct host and port"),
        ("rediss://127.0.0.1:{http}", "the server speaks no TLS", "begin the URL with redis://"),
        ("redis://nobody.invalid", "there is no host of this name", "correct the host in the URL"),
        ("unix:///nowhere/valkey.sock", "there is no such socket", "start that server"),
        ("sentinel://127.0.0.1:{port}/main", "this is no Sentinel", "correct the sentinels and the master's name"),
        ("sentinel://127.0.0.1:1/main", "connection refused", "or start them"),
    ],
)
def test_every_other_trouble_has_its_own_words_and_cure(
    run: Run, guarded: Server, url: str, words: str, cure: str
) -> None:
    with (
        answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as http,
        answering(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n") as ssh,
    ):
        status, said = run("projector", "status", "--url", url.format(port=guarded.port, http=http, ssh=ssh))
    assert (status, said.count("\n")) == (69, 1)
    assert words in said
    assert cure in said
    assert "s3cret" not in said


def test_a_server_that_wants_a_password_gets_none(run: Run, guarded: Server) -> None:
    with guarded.client() as client:
        client.config_set("requirepass", "x")
        url = f"redis://127.0.0.1:{guarded.port}"
        status, said = run("projector", "status", "--url", url)
        assert (status, "authentication required" in said, "--password-file" in said) == (69, True, True)
        assert run("producer", "started", "a", "--url", url)[0] == 69


@pytest.mark.parametrize(
    ("user", "command", "account"),
    [
        ("producer", "projector stats", "reader"),
        ("producer", "projector verify", "reader"),
        ("producer", "projector run", "projector"),
        ("producer", "projector rebuild", "projector"),
        ("producer", "projector quarantine list", "reader"),
        ("reader", "projector run", "projector"),
        ("reader", "projector rebuild", "projector"),
        ("reader", "producer started a", "producer"),
    ],
)
def test_a_right_that_an_account_lacks_is_named_with_the_account_that_has_it(
    run: Run, guarded: Server, user: str, command: str, account: str
) -> None:
    status, said = run(*command.split(), "--url", f"redis://{user}:pw@127.0.0.1:{guarded.port}")
    assert status == 69
    last = said.splitlines()[-1]
    assert re.search(f"(user {user}|this user) has no permissions to ", last.lower())  # Redis 7.0 names no user
    assert last.endswith(f"(named by --url); use the {account}'s account: projector acl")
    assert not any(noise in last for noise in ("pipeline", "user_script", "script:", "pw@"))


def test_a_right_that_a_script_lacks_is_named_without_the_script(guarded: Server, run: Run) -> None:
    with guarded.client() as client:
        client.execute_command("ACL", "SETUSER", "projector", "-pexpire")
        client.set("{otters}:lease", "me", px=1)
    status, said = run("projector", "run", "--url", f"redis://projector:pw@127.0.0.1:{guarded.port}")
    last = said.splitlines()[-1]
    assert status == 69
    lacks = "user projector has no permissions to run the 'pexpire' command"
    assert re.fullmatch(
        rf"projector: \S+ ({lacks}|this account may not run a command of the script) \(.*; use .*", last
    )


def test_full_memory_is_told_as_that(run: Run, own_server: Server) -> None:
    with own_server.client() as client:
        client.config_set("maxmemory", "1")
        status, said = run("producer", "started", "a", "--url", own_server.url)
    assert status == 0
    assert "the server's memory is full (maxmemory) (named by --url); raise its maxmemory" in said


def test_a_replica_and_a_socket_of_another_user_are_told_as_that(
    run: Run, own_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with own_server.client() as client:
        client.replicaof("127.0.0.1", own_server.port)
        said = run("producer", "started", "a", "--url", own_server.url)[1]
        assert "this is a replica, which takes no writes (named by --url); name the master, or its Sentinel" in said
    error = redis.ConnectionError("Error 13 connecting to unix:/s. Permission denied.")
    monkeypatch.setattr(redis.UnixDomainSocketConnection, "_connect", raising(error))
    assert (
        "/s: no permission to use this socket (named by --url); "
        in run("projector", "stats", "--url", "unix:///s")[1]
    )


def raising(error: Exception) -> Callable[..., None]:
    def raise_it(*_: object) -> None:
        raise error

    return raise_it
