"""The case that is examined: a server and a namespace, and what the server answers about them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from producer.connection.client import Client
from producer.connection.wire import clock_of
from producer.log import LogFacts
from projector.checkpoint import Checkpoint
from projector.connection.reader import Reader
from projector.errors import command_for, mend_of
from projector.keys import Keys
from projector.query import Query, Status


class Unanswered(Exception):
    """The server does not tell what a check needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The log and the checkpoint at one instant.

    `now` is the server's clock in epoch ms. `checkpoint` is `Checkpoint()`, and `log` is None, if there is none.
    """

    now: int
    checkpoint: Checkpoint
    log: LogFacts | None


class Case:
    """A server and a namespace, looked at once, or twice with `seconds` between if a check needs to compare.

    What looks raises Unanswered, Damaged for a key of another type or a checkpoint that is none, ServerUnavailable
    and ServerRefused.
    """

    def __init__(
        self,
        client: Client,
        namespace: str,
        *,
        seconds: float,
        group_idle_ms: int = 0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.keys = Keys(namespace)
        self.seconds = seconds
        self.group_idle_ms = group_idle_ms
        self.reader = Reader(client, self.keys.wal)
        self.query = Query(client, namespace)
        self._sleep = sleep

    def projector(self, command: str) -> str:
        """A `projector` command for this namespace, as somebody can paste it into a shell."""
        return command_for(self.keys.namespace, command)

    @property
    def new_log(self) -> str:
        """The commands that begin the log anew and keep the old one."""
        return mend_of(self.keys.wal)

    def told(self, name: str) -> str:
        """A field of INFO. Managed services leave some fields out."""
        if name not in self.info:
            raise Unanswered(f"the server does not tell {name}")
        return self.info[name]

    @cached_property
    def info(self) -> dict[str, str]:
        """INFO, by field."""
        lines = self.reader.call("INFO").decode("utf-8", "replace").splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    @cached_property
    def first_look(self) -> Look:
        return self.look()

    @cached_property
    def status(self) -> Status:
        return self.query.status(room=True)

    @cached_property
    def later_status(self) -> Status:
        _ = self.status
        self._sleep(self.seconds)
        return self.query.status()

    def look(self) -> Look:
        """Look at the log and the checkpoint now."""
        now = clock_of(self.reader.call("TIME"))
        found, info = self.reader.at_one_instant(("HGETALL", self.keys.checkpoint), ("XINFO STREAM", self.keys.wal))
        return Look(
            now=now,
            checkpoint=Checkpoint.of_hash(found, self.keys.checkpoint) or Checkpoint(),
            log=None if info is None else LogFacts.of_reply(info),
        )
