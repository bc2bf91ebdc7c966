"""The templates, and how texts, times and numbers stand in a page. Everything that was recorded is escaped."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from producer.text.moment import datetime_of, iso_of
from producer.text.wording import counted, visible
from projector.answers.wording.amounts import ago, clock_time, duration, size
from projector.entry_id import milliseconds_of
from projector.query.remarks import outcome, state, who
from projector.web.page.asked import Trouble

LONGEST = (256, 128, 40, 12)
"""Characters of a text in a list; fewer where the page would be too large. A name of usual length is never cut."""


def environment() -> Environment:
    """Whose templates fail over a name that is not there, and escape all that is not Markup."""
    made = Environment(
        loader=PackageLoader("projector.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "duration": duration,
        "size": size,
        "number": lambda count: "–" if count is None else f"{count:,}",
        "percent": percent,
        "text": text,
        "short": short,
        "counted": counted,
    }
    made.globals |= {
        "moment": moment,
        "outcome": outcome,
        "state": state,
        "who": who,
        "milliseconds_of": milliseconds_of,
    }
    made.tests["trouble"] = lambda value: isinstance(value, Trouble)
    return made


def text(value: str | None) -> Markup:
    """A text that was recorded: literal, in one line, and without a word to say about what is around it."""
    return Markup("<bdi>{}</bdi>").format(visible(value)) if value else Markup("–")


@pass_context
def short(context: Context, value: str | None) -> Markup:
    """The same, cut to the `longest` of the page."""
    if not value:
        return Markup("–")
    longest = context.get("longest", LONGEST[0])
    told = visible(value[: longest + 1])  # no more than may be shown, which is longer then
    return text(told if len(told) <= longest else f"{told[:longest]}…")


def moment(at: int | None, now: int, *, exact: bool = False) -> Markup:
    """A time (epoch ms) beside `now`, in words, and exactly, in UTC; a script tells it in the reader's zone."""
    if at is None:
        return Markup("never")
    told = clock_time(at, utc=True)
    try:
        iso = iso_of(datetime_of(at))
    except (ValueError, OverflowError):
        return escape(told)
    words = told if exact else ago(at, now)
    form = Markup('<time datetime="{}" data-at="{}" data-as="{}" title="{}">{}</time>')
    return form.format(iso, at, "exact" if exact else "ago", told, words)


def percent(part: float | None) -> str:
    """`12.5 %` of a rate from 0 to 1."""
    return "–" if part is None else f"{100 * part:.1f} %"
