"""A password is in no output, no error, no log and no process title of either command line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.commands import PRODUCER, PROJECTOR, environment, run_command
from tests.support.servers import Server, die_with_parent, eventually, vacant_port

pytestmark = pytest.mark.server

SECRET = "s3cret"
PROGRAMS = {"producer": [PRODUCER], "projector": PROJECTOR}
COMMANDS = [
    *(("projector", command) for command in ("stats", "recent", "failures", "cleanups", "in-flight", "status")),
    *(("projector", command) for command in ("verify", "rebuild", "doctor")),
    ("projector", "quarantine", "list"),
    ("projector", "quarantine", "show", "5-5"),
    ("projector", "quarantine", "retry", "--all"),
    ("projector", "quarantine", "drop", "5-5", "--yes"),
    ("producer", "started", "--action", "a"),
    ("producer", "completed", "--action", "a", "--duration-ms", "5"),
    ("producer", "cleanup", "--scanner", "s", "--resource", "r", "--action", "delete"),
    ("producer", "run", "--action", "a"),
]
BEHIND = {"run": ("--", "true")}


def run(command: Sequence[str], *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    words = [*PROGRAMS[command[0]], *command[1:], *options, *BEHIND.get(command[1], ())]
    return run_command(words, text=True, env=environment(**variables))


def assert_fails_without_the_secret(ended: subprocess.CompletedProcess[str], command: Sequence[str]) -> None:
    if command[1] != "run":  # which exits as its command does
        assert ended.returncode != 0, ended.stdout
    assert ended.stderr
    assert SECRET not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_not_in_an_error_of_any_command(command: tuple[str, ...], shared_server: Server) -> None:
    for port in (vacant_port(), shared_server.port):  # nobody is there; no such user
        assert_fails_without_the_secret(run(command, "--url", f"redis://me:{SECRET}@127.0.0.1:{port}/0"), command)


@pytest.mark.parametrize("command", [("projector", "status"), ("producer", "started", "--action", "a")], ids=" ".join)
@pytest.mark.parametrize(
    "url",
    [
        f"redis://me:{SECRET}@127.0.0.1:port/0",
        f"redis://me:{SECRET}@127.0.0.1:1/database",
        f"redis://:{SECRET}/x#?@127.0.0.1:1",
        f"redis://127.0.0.1:1/0?password={SECRET}",
        f"unix:///nowhere?password={SECRET}",
        f"sentinel://:{SECRET}@127.0.0.1:1/main?sentinel_password={SECRET}",
        f"sentinel://:{SECRET}@127.0.0.1:1?sentinel_password={SECRET}",
    ],
)
def test_not_in_an_error_of_any_url(command: tuple[str, ...], url: str) -> None:
    assert_fails_without_the_secret(run(command, WAL_URL=url), command)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_not_in_the_help_though_the_environment_has_it(command: tuple[str, ...]) -> None:
    words = ("quarantine", command[2]) if command[1] == "quarantine" else command[1:2]
    known = environment(WAL_URL=f"redis://:{SECRET}@127.0.0.1:1/0")
    ended = run_command([*PROGRAMS[command[0]], *words, "--help"], text=True, env=known)
    assert "--url" in ended.stdout
    assert SECRET not in ended.stdout + ended.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process cannot change what ps shows of it")
@pytest.mark.parametrize("command", [("projector", "run"), ("producer", "run", "--action", "a")], ids=" ".join)
def test_not_in_the_process_title_nor_in_the_log(command: tuple[str, ...], tmp_path: Path) -> None:
    url = f"redis://me:{SECRET}@127.0.0.1:{vacant_port()}/0"
    behind = ("--", "sleep", "60") if command[0] == "producer" else ()
    with (tmp_path / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            [*PROGRAMS[command[0]], *command[1:], "--url", url, *behind],
            stderr=stderr,
            env=environment(),
            preexec_fn=die_with_parent,
        )
    title = Path(f"/proc/{process.pid}/cmdline")
    try:
        eventually(lambda: b"://me:******@127.0.0.1" in title.read_bytes(), what="the title to hide the password")
        assert SECRET.encode() not in title.read_bytes()
        eventually(lambda: (tmp_path / "stderr").read_bytes().endswith(b"\n"), what="a word about the server")
        assert SECRET.encode() not in (tmp_path / "stderr").read_bytes()
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(20)
