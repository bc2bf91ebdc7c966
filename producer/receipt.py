"""The receipt that the caller gets for an operation."""

from __future__ import annotations

from typing import NamedTuple


class Receipt(NamedTuple):
    """Names an operation in the log: the producer id `by`, its sequence number `seq`, and the id of its entry.

    `entry_id` (`<ms>-<n>`) is None if the producer has not seen the acknowledgement.
    """

    by: str
    seq: int
    entry_id: str | None
