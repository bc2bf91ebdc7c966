"""The lease: who projects. Each acquisition makes a new token, so that no commit under an earlier lease passes."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass

from projector.keys import Keys
from projector.worker.link import Link, Script
from projector.worker.verdict import judge

ACQUIRE = Script("acquire")
RELEASE = Script("release")


@dataclass(frozen=True, slots=True)
class Lease:
    """This process holds the lease until `ttl_ms` after its last renewal. Commits and inspections renew it."""

    token: str
    ttl_ms: int


@dataclass(frozen=True, slots=True)
class Taken:
    """Another process, `holder`, has the lease for another `remaining_ms`."""

    holder: str
    remaining_ms: int


def acquire(link: Link, keys: Keys, *, ttl_ms: int, previous: Lease | None) -> Lease | Taken:
    """Take the lease if it is free or still `previous`; raises Damaged if its key has another type."""
    token = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(8)}"
    reply = link.call_script(ACQUIRE, [keys.lease], [token, ttl_ms, previous.token if previous else ""])
    if reply[0] == b"lease":
        return Taken(reply[1].decode("utf-8", "replace"), int(reply[2]))
    judge(reply, keys)
    return Lease(token, ttl_ms)


def release(link: Link, keys: Keys, lease: Lease) -> None:
    """Give `lease` back, if this process still has it."""
    link.call_script(RELEASE, [keys.lease], [lease.token])
