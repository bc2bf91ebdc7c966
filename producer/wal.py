"""The write-ahead log's name and the shape of its entries: all that the two sides of the log agree on.

XADD {ns}:wal * op <JSON> [by <producer id> seq <n> [acked <n>]] [retry_of <entry id>]
"""

from __future__ import annotations

import re

from producer.errors import UnusableServer

__all__ = ["ACKED", "BY", "DEFAULT_NAMESPACE", "OP", "RETRY_OF", "SEQ", "namespace_tag", "wal_key"]

DEFAULT_NAMESPACE = "otters"

OP = b"op"
BY = b"by"
SEQ = b"seq"
ACKED = b"acked"
RETRY_OF = b"retry_of"

_NAMESPACE = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")


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
