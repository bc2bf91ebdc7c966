"""Passwords that rotate: read from a file, or from a client's credential provider, at each connection."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.credentials import UsernamePasswordCredentialProvider

from producer import Producer
from producer.connection.url import with_password_file
from producer.errors import WalRefused
from projector import Query, ServerRefused, examine, rebuild, verify
from projector.worker.projector import Projector
from tests.support.commands import PRODUCER, PROJECTOR, run_command
from tests.support.commands import environment as environment_without
from tests.support.projecting import running
from tests.support.servers import Server, eventually

pytestmark = pytest.mark.server


class Rotating:
    """A server whose user `me` has the password that stands in `file`, as long as nobody changes one of them."""

    def __init__(self, server: Server, directory: Path) -> None:
        self.server = server
        self.admin = server.client()
        self.file = directory / "password"
        self.url = f"redis://me@127.0.0.1:{server.port}/0"
        self.rotate("first")

    def rotate(self, password: str) -> None:
        """Change the password there and in the file, and end the connections that had the old one."""
        self.admin.execute_command("ACL", "SETUSER", "me", "reset", "on", f">{password}", "~*", "+@all")
        self.file.write_text(f"{password}\n")
        self.admin.execute_command("CLIENT", "KILL", "USER", "me")


@pytest.fixture
def rotating(own_server: Server, tmp_path: Path) -> Iterator[Rotating]:
    made = Rotating(own_server, tmp_path)
    with made.admin:
        yield made


def test_a_producer_a_query_and_a_projector_go_on_with_the_new_password(rotating: Rotating) -> None:
    with (
        Producer(rotating.url, password_file=rotating.file) as producer,
        Query(rotating.url, password_file=rotating.file) as query,
        running(Projector(rotating.url, password_file=rotating.file)),
    ):
        producer.cleanup_executed("locks", "lock:a", "release", True)
        eventually(lambda: query.totals().cleanups == 1, what="the first cleanup")
        rotating.rotate("second")
        producer.cleanup_executed("locks", "lock:b", "release", True)
        eventually(lambda: query.totals().cleanups == 2, what="the second cleanup")
    url = with_password_file(rotating.url, str(rotating.file))
    assert verify(url).identical
    assert rebuild(url).entries == 2
    assert examine(url, seconds=0)


def test_a_credential_provider_of_the_client_is_asked_at_each_connection(rotating: Rotating) -> None:
    class Vault(UsernamePasswordCredentialProvider):
        def get_credentials(self) -> tuple[str, str]:
            return "me", rotating.file.read_text().strip()

    with (
        redis.Redis(port=rotating.server.port, credential_provider=Vault()) as client,
        Producer(client) as producer,
        Query(client) as query,
    ):
        for password in ("second", "third"):
            producer.cleanup_executed("locks", "lock:a", "release", True)
            assert query.totals().cleanups == 0
            rotating.rotate(password)
        assert client.xlen("{otters}:wal") == 2


def test_a_spool_delivers_with_the_new_password(rotating: Rotating, tmp_path: Path) -> None:
    with Producer(rotating.url, password_file=rotating.file, spool=tmp_path / "spool") as producer:
        producer.cleanup_executed("locks", "lock:a", "release", True)
        assert producer.flush(10)
        rotating.rotate("second")
        producer.cleanup_executed("locks", "lock:b", "release", True)
        assert producer.flush(10)


def test_a_file_that_is_not_there_is_named_and_that_is_a_refusal(rotating: Rotating) -> None:
    rotating.file.unlink()
    told = f"the password file {rotating.file} cannot be used: No such file or directory"
    with Producer(rotating.url, password_file=rotating.file) as producer, pytest.raises(WalRefused, match=told):
        producer.cleanup_executed("locks", "lock:a", "release", True)
    with Query(rotating.url, password_file=rotating.file) as query, pytest.raises(ServerRefused, match=told):
        query.totals()


def run(*words: str, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    program = [PRODUCER] if words[0] == "producer" else PROJECTOR
    environ = environment_without(HOME=str(home), XDG_STATE_HOME=str(home), **variables)
    return run_command([*program, *words[1:]], env=environ, text=True)


def test_both_command_lines_take_it_as_an_option_a_variable_and_a_setting(rotating: Rotating, tmp_path: Path) -> None:
    there = {"WAL_URL": rotating.url}
    file = str(rotating.file)
    settings = tmp_path / "settings.toml"
    settings.write_text(f'password_file = "{file}"\n')
    assert run("producer", "started", "a", "--password-file", file, home=tmp_path, **there).returncode == 0
    rotating.rotate("second")
    ran = run("producer", "run", "--action", "b", "--", "true", home=tmp_path, WAL_PASSWORD_FILE=file, **there)
    assert (ran.returncode, ran.stderr) == (0, "")
    flushed = run("producer", "flush", "--password-file", file, home=tmp_path, **there)
    assert (flushed.returncode, flushed.stderr) == (0, "")
    for command in ("status", "doctor", "verify"):
        ended = run("projector", command, home=tmp_path, WAL_CONFIG=str(settings), **there)
        assert ended.returncode in (0, 1)
        assert ended.stderr == ""
    rotating.file.unlink()
    ended = run("projector", "status", "--password-file", file, home=tmp_path, **there)
    assert ended.returncode == 69
    assert ended.stderr.endswith(
        f"the password file {file} cannot be used: No such file or directory (named by WAL_URL); "
        "repair it, or name another: --password-file\n"
    )
    both = run(
        "projector",
        "status",
        "--url",
        f"redis://:x@127.0.0.1:{rotating.server.port}",
        "--password-file",
        file,
        home=tmp_path,
    )
    assert both.returncode == 2
    assert "the URL's password: expected none" in both.stderr
