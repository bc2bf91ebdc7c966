"""Our web page for tests: beside the test, or as a process of its own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from projector.web.access.access import Access
from projector.web.app import Application
from projector.web.server import WebServer
from projector.web.site import Settings
from tests.support.commands import PROJECTOR, environment
from tests.support.projection import Log, cleaned, completed, orphaned, started
from tests.support.servers import die_with_parent

PATIENCE = 30.0


@contextmanager
def served(url: str, *namespaces: str, access: Access | None = None, **settings: Any) -> Iterator[httpx.Client]:
    """A client of our server, which runs in this process."""
    access = access or Access(port=0)
    made = Settings(url=url, namespaces=namespaces, **settings)
    with (
        WebServer(Application(made, access), access, prefix=made.prefix) as server,
        httpx.Client(base_url=server.address, timeout=PATIENCE) as client,
    ):
        yield client


def record_a_little(log: Log) -> None:
    """A run that runs, one presumed dead, some that ended, one that failed, and a cleanup."""
    now = int(time.time() * 1000)
    log.add(started("deploy", "running", started_at=now), "by", "host:1:abcdefgh", "seq", "1")
    log.add(started("deploy", "dead"))
    log.add(orphaned("deploy", "dead", "silent", now))
    log.add_completions(3, "deploy")
    log.add(completed("deploy", False, error="exit status 3"))
    log.add(cleaned("lock:deploy"))


def connected(client: httpx.Client) -> socket.socket:
    """A connection to the same server."""
    address = urlsplit(str(client.base_url))
    return socket.create_connection((address.hostname or "", address.port or 0), timeout=PATIENCE)


def asked(client: httpx.Client, target: bytes) -> socket.socket:
    """A connection that has asked for `target` as it is, which no client would send."""
    made = connected(client)
    made.sendall(b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % target)
    return made


def status_of(asked: socket.socket) -> int:
    """Of the answer on a connection that has asked."""
    return int(asked.recv(12).partition(b" ")[2] or 0)


class WebProcess:
    """`projector web`, which tells its address."""

    def __init__(self, *options: str, **variables: str) -> None:
        self.process = subprocess.Popen(
            [*PROJECTOR, "web", *options],
            env=environment(PYTHONUNBUFFERED="1", **variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,
        )
        assert self.process.stdout is not None
        self.told = self.process.stdout.readline()
        found = re.search(r"http://\S+", self.told)
        if found is None:
            raise AssertionError(f"`projector web` told no address: {self.told}{self.process.communicate()[1]}")
        self.address = found[0]

    def end(self, how: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Its exit status, and what it said on its standard error."""
        self.process.send_signal(how)
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said

    def cpu_seconds(self) -> float:
        """The processor time that it has taken (Linux)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def web(*options: str, **variables: str) -> Iterator[WebProcess]:
    """A process that serves the page at any port."""
    running = WebProcess(*options, "--listen", "127.0.0.1:0", **variables)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.communicate()
