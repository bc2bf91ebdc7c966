"""How much is measured: the long form for figures to publish, the short one for CI."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LONG", "SHORT", "Scale"]


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes and rounds of all benchmarks."""

    entries: int
    """Of a log that is drained or rebuilt."""
    tutorial_entries: int
    """Of those, what the tutorial's consumer takes: it is slow, and as slow for each."""
    rounds: int
    operations: int
    """Sent one by one in each round by a producer."""
    forwarded: int
    """Sent in each round by way of a spool or a buffer, until all are acknowledged."""
    visible: int
    """Operations whose way to the query is timed in each round."""
    backlog: int
    backlog_rounds: int
    churn: int
    """Of a backlog at full bounds, each entry of which brings new names."""
    history: tuple[int, int]
    """Entries of a short and of a long history."""
    queries: int
    """Calls in each round."""
    growing: int
    """Entries of each of many logs: so many that the beginning of a session weighs little."""
    namespaces: tuple[int, ...]
    partitions: tuple[int, ...]
    """How many logs a worker serves: one, and more."""
    two_workers: bool
    """Whether two workers are measured beside one."""


LONG = Scale(
    entries=200_000,
    tutorial_entries=20_000,
    rounds=5,
    operations=10_000,
    forwarded=100_000,
    visible=2_000,
    backlog=1_000_000,
    backlog_rounds=3,
    churn=30_000,
    history=(100_000, 1_000_000),
    queries=20,
    growing=8_000,
    namespaces=(1, 10, 100),
    partitions=(1, 4, 16),
    two_workers=True,
)

SHORT = Scale(
    entries=30_000,
    tutorial_entries=4_000,
    rounds=3,
    operations=2_000,
    forwarded=20_000,
    visible=200,
    backlog=100_000,
    backlog_rounds=3,
    churn=10_000,
    history=(40_000, 200_000),
    queries=5,
    growing=5_000,
    namespaces=(1, 8),
    partitions=(1, 4),
    two_workers=False,
)
