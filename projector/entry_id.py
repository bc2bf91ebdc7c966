"""Entry ids of the log, `<milliseconds>-<number>`."""

import re

_LAST = 2**64 - 1
_ENTRY_ID = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")


def is_entry_id(text: str) -> bool:
    """Whether an entry may have it: the server refuses numbers of more than 64 bits."""
    return _ENTRY_ID.fullmatch(text) is not None and max(order_of(text)) <= _LAST


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


def last_before(moment: int) -> str:
    """The highest entry id before `moment`, in epoch ms."""
    return f"{moment - 1}-{_LAST}" if moment else "0-0"  # there is no entry 0-0


def next_to(entry_id: str) -> str:
    """The lowest id behind `entry_id`."""
    milliseconds, number = order_of(entry_id)
    return f"{milliseconds}-{number + 1}" if number < _LAST else f"{milliseconds + 1}-0"
