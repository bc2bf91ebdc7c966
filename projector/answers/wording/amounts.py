"""Durations, sizes and moments as a person says them."""

from datetime import UTC, datetime
from itertools import pairwise

_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"))
"""In milliseconds, the longest first."""


def duration(milliseconds: int | None) -> str:
    """`850 ms`, `5.0 s`, `2 min 3 s`, `3 h 20 min`, `4 d 3 h`; never rounded up; `–` for None."""
    if milliseconds is None:
        return "–"
    for (size, name), (smaller, smaller_name) in pairwise(_UNITS):
        if milliseconds >= size:
            return f"{milliseconds // size} {name} {milliseconds % size // smaller} {smaller_name}"
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds // 100 / 10:.1f} s"


def size(count: int | None) -> str:
    """`512 B`, `1.5 KiB`, `20.0 MiB`; `–` for None."""
    if count is None:
        return "–"
    amount, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{count:,} B" if unit == "B" else f"{amount:,.1f} {unit}"


def ago(moment: int, now: int) -> str:
    """`now`, `12 s ago`, `3 min ago`, `5 h ago`, `2 d ago`; `in 3 min` where a producer's clock is ahead of ours."""
    distance = abs(now - moment)
    for size, name in _UNITS:
        if distance >= size:
            return f"{distance // size} {name} ago" if moment < now else f"in {distance // size} {name}"
    return "now"


def clock_time(moment: int, *, utc: bool = False) -> str:
    """The time of an epoch in milliseconds, local or in UTC, to the second; the number itself beyond the year 9999.

    `2026-09-21 16:13:08 +02:00`, `2026-09-21 14:13:08 UTC`.
    """
    try:
        told = str(datetime.fromtimestamp(moment // 1000, UTC).astimezone(UTC if utc else None))
    except (ValueError, OverflowError, OSError):
        return str(moment)
    return f"{told[:19]} {told[19:]}".replace("+00:00", "UTC")
