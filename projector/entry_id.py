"""Entry ids of the log, `<milliseconds>-<number>`."""

from __future__ import annotations


def milliseconds_of(entry_id: str) -> int:
    """The time in an entry id: the score, in a sorted set, of an action or scanner that the entry changed."""
    return int(entry_id.partition("-")[0])


def order_of(entry_id: str) -> tuple[int, int]:
    """The key to sort entry ids by: as texts, …-9 would come after …-10. Raises ValueError for another text."""
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number)


def order_of_any(entry_id: str | None) -> tuple[int, int]:
    """The same for a text that a reader found; (0, 0) if it is no entry id."""
    try:
        return order_of(entry_id or "")
    except ValueError:
        return 0, 0
