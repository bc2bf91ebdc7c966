"""The name of the write-ahead log and the shape of its entries: all that producers and projectors agree on.

XADD {ns}:wal * op <JSON> [by <producer id> seq <n> [acked <n>]] [retry_of <entry id>]
"""

import re
from typing import Any

from producer.errors import UnusableServer

DEFAULT_NAMESPACE = "otters"

OP = b"op"
BY = b"by"
SEQ = b"seq"
ACKED = b"acked"
RETRY_OF = b"retry_of"

HEARTBEAT_SECONDS = 60.0
"""How long a heartbeat lives. A producer beats six times in that time; a shorter silence proves no death."""

_NAMESPACE = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")
_LOG = re.compile(rb"\{([A-Za-z0-9_.-]{1,64})\}:wal")


def namespace_tag(namespace: str) -> str:
    """`{namespace}`, the cluster hash tag that every key begins with; raises UnusableServer for a bad name."""
    if not isinstance(namespace, str) or not _NAMESPACE.match(namespace):
        raise UnusableServer(
            f"namespace: expected 1 to 64 characters of A-Z a-z 0-9 _ . - , found {namespace!r}; "
            "choose another (--namespace, WAL_NAMESPACE)"
        )
    return f"{{{namespace}}}"


def wal_key(namespace: str) -> str:
    """The stream that is the log."""
    return f"{namespace_tag(namespace)}:wal"


def namespace_of(key: bytes) -> str | None:
    """The namespace whose log has the name `key`; None if it is no log's name."""
    found = _LOG.fullmatch(key)
    return found[1].decode() if found else None


def heartbeat_key(namespace: str, by: str) -> str:
    """The string that is there while the producer `by` lives."""
    return f"{namespace_tag(namespace)}:heartbeat:{by}"


def projection_key(namespace: str, name: str) -> str:
    """A key of the projection, for an import that looks up what has arrived. `projector/keys.py` has all keys."""
    return f"{namespace_tag(namespace)}:{name}"


def append_command(key: bytes, op: bytes, by: str, seq: int, acked: int) -> tuple[Any, ...]:
    """The command by which a producer appends one operation. Never with MAXLEN: only the projector trims."""
    return "XADD", key, "*", OP, op, BY, by, SEQ, seq, ACKED, acked
