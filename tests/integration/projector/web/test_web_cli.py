"""`projector web` as a process: where it listens, whom it answers, how it ends; `up` and `demo` with their page."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from tests.support.commands import PROJECTOR, environment, projector
from tests.support.extras import lack_of
from tests.support.pages import get
from tests.support.projection import Log
from tests.support.servers import Server, die_with_parent, eventually, vacant_port
from tests.support.serving import PATIENCE, WebProcess, web

pytestmark = pytest.mark.server

NAMESPACE = "webcli"
WITHOUT = (
    sys.executable,
    "-c",
    """import sys
for name in ("starlette", "uvicorn", "jinja2"):
    sys.modules[name] = None
from projector.cli.web.serving import served_beside
with served_beside("redis://localhost", "n", None) as line:
    print(line, flush=True)
sys.argv[1:] = ["web"]
from projector.cli import main
main()
""",
)
"""What `projector up` says, and then `projector web`, where the packages of the extra are not installed."""
LACK = f"the web page {lack_of('starlette', 'web')}"


@pytest.fixture(scope="session")  # the log outlives the module, to which xdist may come back
def log(shared_server: Server) -> Log:
    made = Log(shared_server.client(), shared_server.url, NAMESPACE)
    made.add_completions(3, "deploy")
    made.drain()
    return made


def test_it_tells_its_address_serves_and_ends_at_once_though_streams_are_open(log: Log, tmp_path: Path) -> None:
    """What the settings file says is used; its expectations are on the pages."""
    (tmp_path / "settings.toml").write_text(
        f'url = "{log.url}"\nnamespace = "{NAMESPACE}"\n'
        '[expect.nightly]\nevery = "1d"\n'
        '[expect.deploy]\nmax_duration = "1ms"\n'
    )
    with web(WAL_CONFIG=str(tmp_path / "settings.toml")) as running:
        assert NAMESPACE in running.told
        with httpx.Client(base_url=running.address, timeout=PATIENCE) as client, ExitStack() as streams:
            overview = client.get("").text
            assert "Not as expected" in overview
            assert "late" in overview
            assert "Expectation: does not hold: duration" in client.get("action", params={"id": "deploy"}).text
            paths = ("live", "live", "api/v1/events")
            lines = [streams.enter_context(client.stream("GET", path)).iter_lines() for path in paths]
            assert [next(each) for each in lines[:2]] == ["retry: 5000"] * 2
            assert running.end(signal.SIGTERM) == (0, "")


def test_a_usual_port_that_is_taken_is_another_and_one_that_was_named_is_an_error(log: Log) -> None:
    port = vacant_port()
    named = projector("web", "--url", log.url, "--listen", f"127.0.0.1:{port}")
    assert (named.returncode, named.stderr.count("\n")) == (2, 1)
    assert f"cannot listen on 127.0.0.1 port {port}: " in named.stderr
    assert "name another: --listen" in named.stderr
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

        def is_held() -> bool:
            try:
                holder.bind(("127.0.0.1", 8379))
            except OSError:  # by a test in another process, which gives it back
                return False
            holder.listen()
            return True

        with suppress(AssertionError):  # somebody else keeps it, which is as good
            eventually(is_held)
        running = WebProcess("--url", log.url, "--namespace", NAMESPACE)
        try:
            assert ":8379/" not in running.address
            assert get(running.address)[0] == 200
        finally:
            running.process.kill()
            running.process.communicate()


@pytest.mark.parametrize(
    "options",
    [
        ["--listen", "0.0.0.0:0"],
        ["--listen", "nowhere"],
        ["--listen", "127.0.0.1:99999"],
        ["--token-file", "/nosuch/tokens"],
        ["--path-prefix", "/a b"],
        ["--namespace", "not a name"],
        ["--url", "http://x"],
    ],
)
def test_what_it_cannot_do_is_one_line_and_exit_status_2(options: list[str]) -> None:
    ended = projector("web", *options)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert 1 <= ended.stderr.count("\n") <= 4, ended.stderr


def test_another_address_is_served_to_those_whom_it_knows(log: Log, tmp_path: Path) -> None:
    (tokens := tmp_path / "tokens").write_text("a-token-of-one\n")
    options = ("--listen", "0.0.0.0:0", "--token-file", str(tokens), "--trust-proxy-header", "X-Person")
    running = WebProcess("--url", log.url, *options, WAL_WEB_PASSWORD="hunter2")
    try:
        address = running.address.replace("0.0.0.0", "127.0.0.1")
        assert get(address)[0] == 401
        for headers in (
            {"Authorization": "Bearer hunter2"},
            {"Authorization": "Bearer a-token-of-one"},
            {"X-Person": "ann"},
        ):
            assert httpx.get(address, headers=headers, timeout=PATIENCE).status_code == 200
    finally:
        running.process.kill()
        running.process.communicate()


def test_without_the_packages_one_line_says_what_to_install_and_other_commands_go_on() -> None:
    ended = subprocess.run(WITHOUT, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (1, f"There is no web page: {LACK}\n")
    assert ended.stderr == f"projector: {LACK}\n"


def test_a_server_that_is_away_at_the_start_is_said_on_the_page_and_found_when_it_comes(tmp_path: Path) -> None:
    server = Server(tmp_path / "server")
    with web("--url", server.url) as running:
        status, page = get(running.address)
        assert (status, "No answer at the moment" in page) == (503, True)
        assert f"{server.port}" in page
        assert get(f"{running.address}livez") == (200, "ok\n")
        server.start()
        try:
            eventually(lambda: get(running.address)[0] == 200, what="the page to find the server")
        finally:
            server.kill()
        assert running.end() == (0, "")


def test_up_tells_the_address_of_its_page(tmp_path: Path) -> None:
    with started_here(PROJECTOR, "up", "--data", str(tmp_path / "data"), home=tmp_path) as lines:
        (address,) = re.findall(r"http://\S+", next(line for line in lines if "web page" in line))
        assert get(address)[0] == 200


def test_the_page_of_a_demonstration_stays_open_until_it_is_ended(tmp_path: Path) -> None:
    with started_here(PROJECTOR, "demo", "--seconds", "1", "--web", home=tmp_path, status=0) as lines:
        told = next(line for line in lines if "stays open" in line)
        (address,) = re.findall(r"http://\S+", told)
        status, page = get(address)
        assert (status, "All is well" in page) == (200, True)


class started_here:  # noqa: N801 - read as a function
    """A command in a session of its own; gives the lines that it prints. Ended by SIGINT, with `status`."""

    def __init__(self, command: tuple[str, ...] | list[str], *arguments: str, home: Path, status: int = 0) -> None:
        self._status = status
        self._process = subprocess.Popen(
            [*command, *arguments],
            env=environment(HOME=str(home), PYTHONUNBUFFERED="1"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=die_with_parent,
        )

    def __enter__(self) -> Iterator[str]:
        assert self._process.stdout is not None
        return iter(self._process.stdout)

    def __exit__(self, kind: object, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            rest, _said = self._process.communicate(timeout=PATIENCE)
        finally:
            self._process.kill()
        if kind is None:
            assert (self._process.returncode, "Traceback" in rest) == (self._status, False), rest
