"""What the tests of spools and buffers ask for: producers in processes of their own, and what became of the log."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import redis

from producer import Producer, Spool
from producer.connection.client import client_of
from producer.connection.destination import Destination
from projector import Projector
from tests.support.servers import die_with_parent, vacant_port

AWAY = f"redis://127.0.0.1:{vacant_port()}/0"
"""Nobody is there."""


def meant_for(url: str) -> Destination:
    """The server at that URL."""
    client, _ = client_of(url)
    return Destination.of(client)


def cut_off(url: str, namespace: str, spool: Path, **options: Any) -> Producer:
    """A producer for the server at `url`, which does not get there."""
    return Producer(AWAY, namespace, spool=Spool(spool, destination=meant_for(url)), **options)


_ENGINE = """
import sys
from producer import Producer, Spool
from tests.support.spooling import meant_for
url, meant, namespace, spool, label, count = sys.argv[1:]
producer = Producer(url, namespace, spool=Spool(spool, destination=meant_for(meant)))
for number in range(int(count)):
    receipt = producer.cleanup_executed(label, str(number), "delete", True)
    print(receipt.by, receipt.seq, flush=True)
print("done", flush=True)
sys.stdin.read()
producer.close()
"""


class Engine:
    """A process that records `count` cleanups by a spool, numbered in `resource_id`, and prints each receipt.

    They are meant for `meant`, while it connects to `url`.
    """

    def __init__(self, url: str, namespace: str, spool: Path, label: str, count: int, *, meant: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _ENGINE, url, meant, namespace, str(spool), label, str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            preexec_fn=die_with_parent,
        )
        self.by = ""
        self.returned = 0
        """How many of its calls are known to have returned."""

    def wait_for(self, count: int) -> None:
        """Until so many calls have returned."""
        assert self._process.stdout is not None
        while self.returned < count:
            line = self._process.stdout.readline()
            assert line, "the engine ended"
            self._take(line)

    def kill(self) -> None:
        """SIGKILL. What it had printed by then is counted."""
        self._process.kill()
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.endswith("\n"):
                self._take(line)
        self._end()

    def finish(self) -> None:
        """Let it close its producer, and end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait() == 0
        self._end()

    def _take(self, line: str) -> None:
        if line.strip() != "done":
            self.by, seq = line.split()
            self.returned += 1
            assert int(seq) == self.returned

    def _end(self) -> None:
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()


@contextmanager
def engine(
    url: str, namespace: str, spool: Path, label: str, count: int, *, meant: str | None = None
) -> Iterator[Engine]:
    """One that does not outlive the test."""
    made = Engine(url, namespace, spool, label, count, meant=meant or url)
    try:
        yield made
    finally:
        made._process.kill()
        made._end()


def counted(url: str, namespace: str) -> dict[str, int]:
    """What a projector makes of the log."""
    Projector(url, namespace).drain()
    with redis.Redis.from_url(url) as client:
        checkpoint: Any = client.hgetall(f"{{{namespace}}}:checkpoint")
        totals: Any = client.hgetall(f"{{{namespace}}}:totals")
    found = {name.decode(): int(checkpoint.get(name, 0)) for name in (b"duplicates", b"missing", b"quarantined")}
    return found | {"cleanups": int(totals.get(b"cleanups", 0))}


def first_occurrences(client: redis.Redis, namespace: str) -> dict[str, list[int]]:
    """Of each producer, its numbers in the order in which they came first."""
    return {by: [seq for seq, _ in entries] for by, entries in _firsts(client, namespace).items()}


def resources(client: redis.Redis, namespace: str) -> dict[str, list[str]]:
    """Of each producer, the `resource_id` of its cleanups in the order in which their numbers came first."""
    return {
        by: [orjson.loads(op)["resource_id"] for _, op in entries]
        for by, entries in _firsts(client, namespace).items()
    }


def _firsts(client: redis.Redis, namespace: str) -> dict[str, list[tuple[int, bytes]]]:
    entries: Any = client.xrange(f"{{{namespace}}}:wal")
    seen: set[tuple[bytes, bytes]] = set()
    firsts: dict[str, list[tuple[int, bytes]]] = {}
    for _, fields in entries:
        key = fields[b"by"], fields[b"seq"]
        if key not in seen:
            seen.add(key)
            firsts.setdefault(key[0].decode(), []).append((int(key[1]), fields[b"op"]))
    return firsts


def files(spool: Path) -> list[str]:
    """The names in a spool's directory, without the random parts."""
    return sorted(path.name.partition(".")[2] for path in spool.iterdir()) if spool.exists() else []
