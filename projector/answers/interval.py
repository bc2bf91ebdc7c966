"""Times as people write them, and the entries of the log that were written between two of them."""

import re
import warnings
from dataclasses import dataclass
from datetime import datetime, timedelta

from projector.answers.parameter import WrongParameter
from projector.entry_id import last_before

FORMS = "2h, yesterday, 02:00, 2026-11-26, '2026-11-26 02:00', 2026-11-26T02:00:00Z or epoch milliseconds"
"""How people write a time."""
_AGO = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AMBIGUOUS = re.compile(r"\d{1,2}([./-]\d.*)?")
"""Of 1.2.2026 nobody knows the month, and of 5 nobody knows anything."""


@dataclass(frozen=True, slots=True)
class Interval:
    """From `since` on and before `until`, epoch ms by the server's clock, which gave the entries their ids. None:
    without an end on that side."""

    since: int | None = None
    until: int | None = None

    @property
    def after_id(self) -> str:
        """The highest entry id before the interval; empty if it has no beginning."""
        return last_before(self.since) if self.since else ""

    @property
    def last_id(self) -> str:
        """The highest entry id within it; `+` if it has no end."""
        return "+" if self.until is None else last_before(self.until)


def interval_of(since: str | None, until: str | None, now: datetime) -> Interval:
    """Between two times as people write them, at `now` (aware). Raises WrongParameter."""
    found: dict[str, int] = {}
    for name, text in (("since", since), ("until", until)):
        if text is not None:
            try:
                found[name] = moment_of(text, now)
            except (ValueError, OverflowError) as error:
                raise WrongParameter(name, str(error)) from error
    if found.get("since", 0) > found.get("until", 2**64):
        raise WrongParameter("until", "it lies before since", others=("since",))
    return Interval(**found)


def moment_of(text: str, now: datetime) -> int:
    """The epoch in ms that `text` means at `now` (aware): so long ago, or a time, which is the local one if it names
    no zone; a day means its first moment.

    Raises ValueError, whose text tells the forms, for a text that means no time or that has several meanings.
    """
    text = text.strip()
    if ago := _AGO.fullmatch(text):
        found: datetime | None = now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    else:
        found = now if text == "now" else None if _AMBIGUOUS.fullmatch(text) else _parsed(text, now)
    if found is None:
        raise ValueError(f"expected a time such as {FORMS}, found {text!r}")
    return max(0, round(found.timestamp() * 1000))


def _parsed(text: str, now: datetime) -> datetime | None:
    from dateparser.date import DateDataParser  # a fifth of a second

    base = {"RELATIVE_BASE": now.replace(tzinfo=None), "PREFER_DATES_FROM": "past"}
    settings = base | {"DATE_ORDER": "YMD", "RETURN_TIME_AS_PERIOD": True}
    with warnings.catch_warnings(action="ignore"):  # of strptime, about dates without a year
        told = DateDataParser(languages=["en"], settings=settings).get_date_data(text)
    if told.date_obj is None or told.period not in ("day", "time"):
        return None
    found: datetime = told.date_obj
    return found.replace(hour=0, minute=0, second=0, microsecond=0) if told.period == "day" else found
