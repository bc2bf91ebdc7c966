"""The server and its disk are gone: a new server, the archive, and the same producers go on."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from producer import Producer
from projector.archive.archive import Archive
from projector.verification import verify
from tests.support.commands import PROJECTOR, environment, projector
from tests.support.projection import Log
from tests.support.servers import Server, die_with_parent, eventually
from tests.support.ssh_keys import key_file

pytestmark = pytest.mark.server


@contextmanager
def projecting(log: Log, *archiving: str) -> Iterator[None]:
    words = [*PROJECTOR, "run", "--url", log.url, "--namespace", log.namespace, *archiving]
    process = subprocess.Popen(words, env=environment(), stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def record(producers: list[Producer], count: int) -> None:
    for producer in producers:
        for number in range(count):
            with producer.execution(f"a{number % 3}", source="manual"):
                pass


def test_the_system_goes_on_from_the_archive_and_what_was_not_archived_shows_as_missing(
    own_server: Server, namespace: str, tmp_path: Path
) -> None:
    key = key_file(tmp_path)
    archiving = ["--archive", str(tmp_path / "trail"), "--sign-key", str(key)]
    server = ["--url", own_server.url, "--namespace", namespace]
    log = Log(own_server.client(), own_server.url, namespace)
    with Producer(log.url, namespace) as one, Producer(log.url, namespace) as other:
        with projecting(log, *archiving):
            record([one, other], 100)
            log.wait_for_entries(400)
            assert projector("archive", "once", *archiving, *server).returncode == 0
        head = Archive.at(str(tmp_path / "trail"), namespace).head
        record([one], 3)  # acknowledged, and lost with the server

        own_server.kill()
        shutil.rmtree(own_server.directory)
        own_server.directory.mkdir()
        own_server.start()
        done = projector("restore", "--archive", str(tmp_path / "trail"), *server)
        assert done.returncode == 0, done.stderr

        with projecting(log, *archiving):
            record([one, other], 50)
            eventually(lambda: log.totals().get("total_executions") == 300)
            assert verify(log.url, namespace).identical
            assert log.checkpoint("missing") == "6"
            assert log.checkpoint("duplicates") == "0"
            assert projector("archive", "once", *archiving, *server).returncode == 0
    public = ["--public-key", str(key.with_suffix(".pub"))]
    verified = projector("archive", "verify", "--archive", str(tmp_path / "trail"), *server, "--head", head, *public)
    assert verified.returncode == 0, verified.stdout
    assert "since the head that was given: " in verified.stdout
    assert "all equal" in verified.stdout
