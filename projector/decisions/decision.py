"""A decision: appended to the log, so that a rebuild repeats it, and awaited."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Self

from producer.connection.client import Client, client_of
from producer.wal import DEFAULT_NAMESPACE
from projector.commit.link import Link
from projector.entry_id import order_of
from projector.keys import Keys

_PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Attempt:
    """A decision about `subject`: `appended` is the id of its entry in the log; else `refusal` says why nothing was
    appended."""

    subject: str
    appended: str | None = None
    refusal: str | None = None


class Folded(Enum):
    """Whether the projection has come to the entries that were appended."""

    YES = "yes"
    NOT_YET = "not yet"
    NOBODY = "nobody"
    """No projector is active; the next one will fold the entries."""


class Decisions:
    """What a person decides on in `namespace`, on one connection. Not safe under threads.

    `url_or_client` as for `Query`. Calls raise ServerUnavailable, ServerRefused or Damaged. Any call may be repeated,
    because a decision that is folded twice changes nothing the second time.
    """

    def __init__(self, url_or_client: str | Client | None = None, namespace: str = DEFAULT_NAMESPACE) -> None:
        self._keys = Keys(namespace)
        self._client, self._owned = client_of(url_or_client, namespace)
        self._link = Link(self._client, self._keys.wal, ())

    def wait(self, attempts: Iterable[Attempt], *, seconds: float) -> Folded:
        """Wait, for `seconds` at most, until the projection has come to every entry that was appended."""
        last = max((attempt.appended for attempt in attempts if attempt.appended), key=order_of)
        deadline = time.monotonic() + seconds
        while True:
            stands, lease = self._link.call_all(
                [("HGET", self._keys.checkpoint, "last_id"), ("EXISTS", self._keys.lease)]
            )
            if stands and order_of(stands.decode()) >= order_of(last):
                return Folded.YES
            if not lease:
                return Folded.NOBODY
            if time.monotonic() > deadline:
                return Folded.NOT_YET
            time.sleep(_PAUSE)

    def close(self) -> None:
        self._link.close()
        if self._owned:
            self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _append(self, *fields: bytes | str) -> str:
        entry_id: bytes = self._link.call("XADD", self._keys.wal, "*", *fields)
        return entry_id.decode()

    def _now_ms(self) -> int:
        return int(time.time() * 1000)
