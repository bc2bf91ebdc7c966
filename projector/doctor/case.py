"""The case that is examined: a server and a namespace, and what the server answers about them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from redis.exceptions import NoPermissionError, ResponseError

from producer.connection.client import Client
from producer.log import LogFacts
from producer.wal import DEFAULT_NAMESPACE
from projector.checkpoint import Checkpoint
from projector.connection import is_wrong_type, translated
from projector.keys import FIXED_KEYS, Keys
from projector.query.damage import wrong_type
from projector.reading import Command, at_one_instant, each

_COMMAND = re.compile(r"run the '([^']+)' command")


class Unanswered(Exception):
    """The server will not say; the text tells why: the right that the account lacks, or the command it has not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The log and the projection at one instant.

    `now` is the server's clock in epoch ms; `checkpoint` and `log` are None where there is none. `holder` is the
    lease's token, `lease_ms` what it has left (None: it never ends). `shadow_id` is where a rebuild stands, and
    `shadow_keys` how many of its keys are there; `headless` the keys of a projection that has no checkpoint.
    """

    now: int
    checkpoint: Checkpoint | None
    log: LogFacts | None
    holder: str | None
    lease_ms: int | None
    shadow_id: str | None
    shadow_keys: int
    headless: tuple[str, ...]

    @property
    def entries(self) -> int:
        """How many entries the projection has read."""
        return self.checkpoint.entries if self.checkpoint else 0

    @property
    def lag(self) -> int:
        """How many entries wait for the projector."""
        return max(0, self.log.length + self.log.gone - self.entries) if self.log else 0

    @property
    def last_id(self) -> str:
        """The entry at which the projection stands; empty before the first."""
        return self.checkpoint.last_id if self.checkpoint else ""


class Case:
    """A server and a namespace, looked at once, or twice with `seconds` between if a check needs to compare.

    What asks the server raises Unanswered, Damaged for a key of another type or a checkpoint that is none,
    ServerUnavailable and ServerRefused.
    """

    def __init__(
        self, client: Client, namespace: str, *, seconds: float, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.keys = Keys(namespace)
        self.seconds = seconds
        self._client = client
        self._sleep = sleep

    def projector(self, command: str) -> str:
        """A `projector` command for this namespace, as somebody can paste it into a shell."""
        namespace = self.keys.namespace
        return f"projector {command}" + ("" if namespace == DEFAULT_NAMESPACE else f" --namespace {namespace}")

    def ask(self, *command: Any) -> Any:
        """The reply to one command; None to XINFO about a key that is not there."""
        (reply,) = self.ask_each(command)
        return reply

    def ask_each(self, *commands: Any) -> list[Any]:
        """The replies to many commands, each from an instant of its own."""
        return self._ask(each, commands)

    def ask_at_once(self, *commands: Command) -> list[Any]:
        """The replies to all commands, from one instant."""
        return self._ask(at_one_instant, commands)

    def told(self, name: str) -> str:
        """A field of INFO. Managed services leave some fields out."""
        if name not in self.info:
            raise Unanswered(f"the server does not tell {name}")
        return self.info[name]

    @cached_property
    def info(self) -> dict[str, str]:
        """INFO, by field."""
        lines = self.ask("INFO").decode("utf-8", "replace").splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    @cached_property
    def first_look(self) -> Look:
        return self.look()

    @cached_property
    def later_look(self) -> Look:
        _ = self.first_look
        self._sleep(self.seconds)
        return self.look()

    def look(self) -> Look:
        """Look at the log and the projection now."""
        keys, shadow = self.keys, Keys(self.keys.namespace, shadow=True)
        fixed = [getattr(keys, name) for name in FIXED_KEYS]
        seconds, microseconds = self.ask("TIME")
        checkpoint, info, holder, lease_ms, shadow_id, shadow_keys, *there = self.ask_at_once(
            ("HGETALL", keys.checkpoint),
            ("XINFO STREAM", keys.wal),
            ("GET", keys.lease),
            ("PTTL", keys.lease),
            ("HGET", shadow.checkpoint, "last_id"),
            ("EXISTS", shadow.checkpoint, *(getattr(shadow, name) for name in FIXED_KEYS)),
            *(("EXISTS", key) for key in fixed),
        )
        stands = Checkpoint.of_hash(checkpoint, keys.checkpoint)
        return Look(
            now=int(seconds) * 1000 + int(microseconds) // 1000,
            checkpoint=stands,
            log=None if info is None else LogFacts.of_reply(info),
            holder=None if holder is None else holder.decode("utf-8", "replace"),
            lease_ms=None if lease_ms < 0 else lease_ms,
            shadow_id=None if shadow_id is None else shadow_id.decode("utf-8", "replace"),
            shadow_keys=shadow_keys,
            headless=()
            if stands
            else tuple(key.decode() for key, exists in zip(fixed, there, strict=True) if exists),
        )

    def _ask(self, read: Callable[..., list[Any]], commands: Sequence[Command]) -> list[Any]:
        with translated(self._client):
            try:
                replies = read(self._client, self.keys.wal, commands)
            except ResponseError as error:  # one was refused before the transaction began
                raise self._unanswered(error) from error
            for reply, command in zip(replies, commands, strict=True):
                if isinstance(reply, ResponseError):
                    raise (wrong_type(command[1]) if is_wrong_type(reply) else self._unanswered(reply)) from reply
            return replies

    def _unanswered(self, error: ResponseError) -> Exception:
        text = str(error)
        if not isinstance(error, NoPermissionError):
            return Unanswered(f"the server says: {text}") if "unknown" in text else error
        found = _COMMAND.search(text)
        right = f"+{found[1]}" if found else f"%R~{self.keys.pattern.decode()}"
        return Unanswered(f"this account lacks the right {right}")
