"""The lease: who projects. Each acquisition makes a new token, so that no commit under an earlier lease passes."""

import os
import secrets
import socket
from dataclasses import dataclass

from projector.commit.link import Link, Script
from projector.commit.verdict import judge
from projector.keys import REBUILDING, Keys

ACQUIRE = Script("acquire")
RELEASE = Script("release")

_DONE = f"{REBUILDING}done:"
_DONE_MS = 2500
"""For so long a rebuild that is done leaves its mark. The projector that it came before looks each second, learns why
it lost the lease, and is the only one that need not wait for the mark's end."""


@dataclass(frozen=True, slots=True)
class Lease:
    """This process holds the lease until `ttl_ms` after its last renewal. Commits and inspections renew it.

    `mark` is what a release leaves in its place for a moment.
    """

    token: str
    ttl_ms: int
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """Another process, `holder`, has the lease for another `remaining_ms`."""

    holder: str
    remaining_ms: int


def acquire(
    link: Link, keys: Keys, *, ttl_ms: int, previous: Lease | None, rebuilding: bool = False
) -> Lease | Taken:
    """Take the lease if it is free, still `previous`, or a rebuild took it from `previous` and is done.

    Raises Damaged if the lease's key has another type.
    """
    before = previous.token if previous else ""
    token = f"{REBUILDING if rebuilding else ''}{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(8)}"
    reply = link.call(*ACQUIRE.command([keys.lease], [token, ttl_ms, before, _DONE + before]))
    if reply[0] == b"lease":
        return Taken(reply[1].decode("utf-8", "replace"), int(reply[2]))
    judge(reply, keys)
    return Lease(token, ttl_ms, mark=_DONE + before.removeprefix(_DONE) if rebuilding and before else "")


def release(link: Link, keys: Keys, lease: Lease) -> None:
    """Give `lease` back, if this process still has it."""
    link.call(*RELEASE.command([keys.lease], [lease.token, lease.mark, _DONE_MS]))
