"""Durations and moments as a person says them."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"))
"""In milliseconds, the longest first."""


def duration(milliseconds: int) -> str:
    """`850 ms`, `5.0 s`, `2 min 3 s`, `3 h 20 min`, `4 d 3 h`; never rounded up."""
    for (size, name), (smaller, smaller_name) in pairwise(_UNITS):
        if milliseconds >= size:
            return f"{milliseconds // size} {name} {milliseconds % size // smaller} {smaller_name}"
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds // 100 / 10:.1f} s"


def ago(moment: int, now: int) -> str:
    """`now`, `12 s ago`, `3 min ago`, `5 h ago`, `2 d ago`; `in 3 min` where a producer's clock is ahead of ours."""
    distance = abs(now - moment)
    for size, name in _UNITS:
        if distance >= size:
            return f"{distance // size} {name} ago" if moment < now else f"in {distance // size} {name}"
    return "now"


def clock_time(moment: int) -> str:
    """The local time of an epoch in milliseconds, to the second; the number itself beyond the year 9999."""
    try:
        return datetime.fromtimestamp(moment // 1000).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return str(moment)
