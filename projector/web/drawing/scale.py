"""What stands at the axes: round numbers, and durations in words."""

from __future__ import annotations

_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"), (1, "ms"))
_LETTERS = ((10**15, "P"), (10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))


def ticks(most: int) -> list[int]:
    """0 and up to three round numbers, the last of which is not below `most`: `[0, 50, 100]`."""
    decade = 1
    while True:
        for step in (decade, 2 * decade, 5 * decade):
            count = -(-most // step)
            if count <= 3:
                return [n * step for n in range(max(1, count) + 1)]
        decade *= 10


def compact(count: int) -> str:
    """`950`, `1.5k`, `20M`: a number beside an axis."""
    for size, letter in _LETTERS:
        if count >= size:
            tenths = count * 10 // size
            return f"{tenths // 10:,}{f'.{tenths % 10}' if tenths % 10 else ''}{letter}"
    return str(count)


def briefly(milliseconds: int) -> str:
    """`100 ms`, `10 s`, `10 h`: a duration beside an axis, in whole numbers of one unit."""
    size, name = next((unit for unit in _UNITS if milliseconds >= unit[0]), _UNITS[-1])
    return f"{milliseconds // size:,} {name}"
