"""Entry ids of the log, `<milliseconds>-<number>`, as something to sort by."""

from __future__ import annotations

__all__ = ["entry_number"]


def entry_number(entry_id: str | None) -> tuple[int, int]:
    """Both parts as numbers (as texts, …-10 would come before …-9); (0, 0) for what is no entry id."""
    milliseconds, _, number = (entry_id or "").partition("-")
    if not (milliseconds.isdecimal() and number.isdecimal()):
        return (0, 0)
    return (int(milliseconds), int(number))
