"""The receipt of an operation."""

from __future__ import annotations

from typing import NamedTuple


class Receipt(NamedTuple):
    """What names an operation in the log: its producer, its number there, and its WAL entry.

    `entry_id` (`<ms>-<n>`) is None for an operation whose acknowledgement has not been seen.
    """

    by: str
    seq: int
    entry_id: str | None
