"""Durations and moments as a person says them."""

from __future__ import annotations

from datetime import datetime

_SECOND = 1000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_UNITS = ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (_SECOND, "s"))


def duration(milliseconds: int) -> str:
    """`850 ms`, `5.0 s`, `2 min 3 s`, `3 h 20 min`, `4 d 3 h`; never rounded up."""
    if milliseconds < _SECOND:
        return f"{milliseconds} ms"
    if milliseconds < _MINUTE:
        return f"{milliseconds // 100 / 10:.1f} s"
    if milliseconds < _HOUR:
        return f"{milliseconds // _MINUTE} min {milliseconds % _MINUTE // _SECOND} s"
    if milliseconds < _DAY:
        return f"{milliseconds // _HOUR} h {milliseconds % _HOUR // _MINUTE} min"
    return f"{milliseconds // _DAY} d {milliseconds % _DAY // _HOUR} h"


def ago(moment: int, now: int) -> str:
    """`now`, `12 s ago`, `3 min ago`, `5 h ago`, `2 d ago`; `in 3 min` where a producer's clock is ahead of ours."""
    distance = abs(now - moment)
    unit, name = next((unit for unit in _UNITS if distance >= unit[0]), (0, "now"))
    if not unit:
        return name
    return f"{distance // unit} {name} ago" if moment < now else f"in {distance // unit} {name}"


def clock_time(moment: int) -> str:
    """The local time of an epoch in milliseconds, to the second; the number itself beyond the year 9999."""
    try:
        return datetime.fromtimestamp(moment // 1000).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return str(moment)
