"""Where the CLIs look for Redis, and how an embedded server lets itself be found."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from producer.connection import location
from producer.connection.location import (
    DEFAULT_URL,
    announce,
    announcements_directory,
    find_server,
    private_directory,
    running_servers,
    settings_file,
    spool_directory,
)


def locate(url: str | None, environ: dict[str, str]) -> str:
    return find_server(url, environ).url


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(tmp_path)}


@contextmanager
def owned(environ: dict[str, str], name: str, content: str) -> Iterator[None]:
    """A file among the announcements whose owner is alive."""
    directory = announcements_directory(environ)
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(content)
        file.flush()
        yield


def announcement(url: str, started_at: int) -> str:
    return json.dumps({"url": url, "data": "/data", "started_at": started_at})


def test_the_option_comes_before_everything(environ: dict[str, str]) -> None:
    with announce("unix:///run/server.sock?db=0", Path("/data"), environ):
        assert locate("redis://option/0", {**environ, "WAL_URL": "redis://variable/0"}) == "redis://option/0"


def test_the_variable_comes_before_an_embedded_server(environ: dict[str, str]) -> None:
    with announce("unix:///run/server.sock?db=0", Path("/data"), environ):
        assert locate(None, {**environ, "WAL_URL": "redis://variable/0"}) == "redis://variable/0"


def test_an_embedded_server_comes_before_the_default_and_only_while_it_is_announced(environ: dict[str, str]) -> None:
    with announce("unix:///run/server.sock?db=0", Path("/data"), environ):
        assert locate(None, environ) == "unix:///run/server.sock?db=0"
    assert locate(None, environ) == DEFAULT_URL
    assert list(announcements_directory(environ).iterdir()) == []


@pytest.mark.parametrize("empty", [None, ""])
def test_what_is_empty_counts_as_not_given(environ: dict[str, str], empty: str | None) -> None:
    assert locate(empty, {**environ, "WAL_URL": ""}) == DEFAULT_URL


def test_an_announcement_tells_url_data_and_time(environ: dict[str, str]) -> None:
    with announce("redis://127.0.0.1:1/0", Path("/srv/data"), environ, socket="unix:///s") as announced:
        assert running_servers(environ) == [announced]
        path = announcements_directory(environ) / f"{os.getpid()}.json"
        assert json.loads(path.read_text()) == {
            "url": "redis://127.0.0.1:1/0",
            "data": "/srv/data",
            "started_at": announced.started_at,
            "socket": "unix:///s",
        }


def test_the_newest_of_several_servers_wins(environ: dict[str, str]) -> None:
    with (
        owned(environ, "1.json", announcement("unix:///old", 1_000)),
        owned(environ, "2.json", announcement("unix:///newest", 3_000)),
        owned(environ, "3.json", announcement("unix:///older", 2_000)),
    ):
        assert [server.url for server in running_servers(environ)] == [
            "unix:///newest",
            "unix:///older",
            "unix:///old",
        ]
        assert locate(None, environ) == "unix:///newest"


def test_a_file_whose_owner_was_killed_is_ignored(environ: dict[str, str]) -> None:
    program = """
import os, sys
from pathlib import Path
from producer.connection.location import announce
with announce("unix:///dead", Path("/data"), os.environ):
    print("announced", flush=True)
    sys.stdin.read()
"""
    owner = subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"announced\n"
        assert locate(None, environ) == "unix:///dead"
        owner.kill()
    assert (announcements_directory(environ) / f"{owner.pid}.json").exists()
    assert locate(None, environ) == DEFAULT_URL


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"url": 5, "data": "/d", "started_at": 1}',
        '{"url": "u", "data": "/d", "started_at": "1"}',
    ],
)
def test_a_file_that_is_no_announcement_is_ignored(environ: dict[str, str], content: str) -> None:
    with owned(environ, "1.json", content):
        assert running_servers(environ) == []


def test_two_who_look_at_once_do_not_take_each_other_for_the_owner(environ: dict[str, str]) -> None:
    directory = announcements_directory(environ)
    directory.mkdir(parents=True)
    path = directory / "1.json"
    path.write_text(announcement("unix:///dead", 1_000))
    with path.open() as other:
        fcntl.flock(other, fcntl.LOCK_SH)  # as another reader does
        assert running_servers(environ) == []


def test_the_directory_follows_xdg(tmp_path: Path) -> None:
    running = Path("execution-wal/running")
    home = {"HOME": str(tmp_path)}
    assert announcements_directory(home) == tmp_path / ".local/state" / running
    assert announcements_directory({**home, "XDG_STATE_HOME": ""}) == tmp_path / ".local/state" / running
    assert announcements_directory({**home, "XDG_STATE_HOME": "relative"}) == tmp_path / ".local/state" / running
    assert announcements_directory({**home, "XDG_STATE_HOME": "/state"}) == Path("/state") / running


class TestWithoutHome:
    """A cron job, a container: the commands of one user agree all the same."""

    @pytest.fixture(autouse=True)
    def _nobody(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        self.home: str | None = None
        monkeypatch.setattr("pwd.getpwuid", self._account)
        monkeypatch.setattr(location, "_SHARED", tmp_path)

    def _account(self, _uid: int) -> SimpleNamespace:
        if self.home is None:
            raise KeyError
        return SimpleNamespace(pw_dir=self.home)

    @pytest.mark.parametrize("environ", [{}, {"HOME": ""}, {"HOME": "relative"}])
    def test_the_account_s_home_is_taken(self, environ: dict[str, str], tmp_path: Path) -> None:
        self.home = str(tmp_path)
        assert spool_directory(environ) == tmp_path / ".local/state/execution-wal/spool"

    @pytest.mark.parametrize("home", [None, "/nonexistent"])
    def test_without_one_it_is_a_directory_of_the_user_alone(self, home: str | None, tmp_path: Path) -> None:
        self.home = home
        base = tmp_path / f"execution-wal-{os.getuid()}"
        assert spool_directory({}) == base / ".local/state/execution-wal/spool"
        assert announcements_directory({}) == base / ".local/state/execution-wal/running"
        assert stat.S_IMODE(base.stat().st_mode) == 0o700

    def test_what_others_could_have_put_there_is_not_trusted(self, tmp_path: Path) -> None:
        base = private_directory()
        planted = base / ".config/execution-wal/config.toml"
        planted.parent.mkdir(parents=True)
        planted.write_text("url = 'redis://elsewhere/0'")
        assert settings_file({}) == planted
        base.chmod(0o770)
        with pytest.raises(PermissionError, match="a directory of this user alone"):
            spool_directory({})
        assert settings_file({}) is None
        assert running_servers({}) == []
        base.rename(tmp_path / "elsewhere")
        base.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(PermissionError):
            private_directory()
