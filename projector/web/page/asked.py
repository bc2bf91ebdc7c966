"""What a request for a page asks for, and the links to what is beside it: all of a page's state is in its URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

from projector.answers.filters import filter_of
from projector.answers.interval import Interval, interval_of
from projector.answers.parameter import WrongParameter
from projector.errors import Damaged, InvalidQuery
from projector.expectation import Expectation
from projector.query import ActionFailureKind, ActionStats, Query, Status
from projector.query.arguments import Progress
from projector.query.overview import Running
from projector.retention.retention import milliseconds_in

if TYPE_CHECKING:
    from projector.search.filter import Filter

_T = TypeVar("_T")
_C = TypeVar("_C", bound=str)

ROWS = 50
"""Of a list, on a page."""
LAST_PAGE = 200
_TEXTS = ("action", "scanner", "resource", "source", "host", "grep")
_OF_PAGES = ("page", "before", "by")
"""Arguments that the API does not have."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a part of a page cannot be shown; the rest can."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request at `now` (epoch ms): its `path`, without the `prefix` that all have here, and its arguments as they
    came. `query` is about the namespaces that it names. What was `found` of that which takes long is all there is, or
    why it cannot be read, if the page said that it needs it."""

    query: Query
    path: str
    arguments: Sequence[tuple[str, str]]
    now: int
    progress: Progress
    prefix: str = ""
    statuses: Sequence[Status] = ()
    remark: str | None = None
    """Why answers of this moment may not be complete."""
    expected: Mapping[str, Expectation] = field(default_factory=dict)
    found_actions: Sequence[ActionStats] | Damaged = ()
    found_kinds: Sequence[ActionFailureKind] | Damaged = ()
    found_running: Sequence[Running] | Damaged = ()

    def exactly(self, name: str) -> str:
        """An argument, as a link has it; the last, if it is there several times."""
        return next((value for key, value in reversed(self.arguments) if key == name), "")

    def one(self, name: str, default: str = "") -> str:
        """The same as somebody types it: blanks around it are none of it."""
        return self.exactly(name).strip() or default

    def choice(self, name: str, choices: Sequence[_C]) -> _C:
        """An argument that is one of `choices`; the first if it is not there."""
        text = self.one(name) or choices[0]
        for each in choices:
            if each == text:
                return each
        raise InvalidQuery(name, f"one of {', '.join(filter(None, choices))}", text)

    @property
    def actions(self) -> Sequence[ActionStats]:
        """All, as of a moment ago. Raises Damaged."""
        return _found(self.found_actions)

    @property
    def kinds(self) -> Sequence[ActionFailureKind]:
        """Failures by kind, of all actions, as `actions`."""
        return _found(self.found_kinds)

    @property
    def running(self) -> Sequence[Running]:
        """What runs, as `actions`."""
        return _found(self.found_running)

    @property
    def page(self) -> int:
        """From 1 on."""
        text = self.one("page", "1")
        if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= LAST_PAGE):
            raise InvalidQuery("page", f"a number from 1 to {LAST_PAGE}", text)
        return int(text)

    def link(self, path: str | None = None, /, **changes: object) -> str:
        """The URL of another page with these arguments, for the same namespaces; without `path` that of this page,
        with arguments changed, and those left out that are None."""
        kept = [
            (key, value)
            for key, value in self.arguments
            if key not in changes and (path is None or key == "namespace") and value != ""
        ]
        kept += [(key, str(value)) for key, value in changes.items() if value is not None]
        query = urlencode(kept, quote_via=quote)
        return f"{self.prefix}{self.path if path is None else path}{f'?{query}' if query else ''}"

    def api(self, path: str, *, without: str = "", **more: object) -> str:
        """The URL of the API that gives what this page lists, by the same arguments, but one that the path has."""
        left_out = (*_OF_PAGES, without)
        arguments = [(key, value) for key, value in self.arguments if key not in left_out and value != ""]
        arguments += [(key, str(value)) for key, value in more.items()]
        query = urlencode(arguments, quote_via=quote)
        return f"{self.prefix}/api/v1/{path}{f'?{query}' if query else ''}"

    def part(self, ask: Callable[[], _T]) -> _T | Trouble:
        """What `ask` returns, or why its key is damaged."""
        try:
            return ask()
        except Damaged as error:
            return Trouble(str(error))

    def where(self, **fixed: Any) -> Filter:
        """The filter by the arguments, which are called as those of the API; `fixed` says what the page is about."""
        texts: dict[str, Any] = {name: self.one(name) or None for name in _TEXTS}
        if longer := self.one("longer_than"):
            try:
                texts["longer_than_ms"] = milliseconds_in(longer)
            except ValueError as error:
                raise WrongParameter("longer_than", str(error)) from error
        outcome = self.choice("failed", ("", "true", "false"))
        texts |= {"kind": self.one("type") or None, "failed": {"true": True, "false": False}.get(outcome)}
        labels = [value.strip() for key, value in self.arguments if key == "label" and value.strip()]
        return filter_of(labels=labels, **(texts | fixed))

    @property
    def between(self) -> Interval:
        """The arguments `since` and `until`."""
        now = datetime.fromtimestamp(self.now / 1000).astimezone()
        return interval_of(self.one("since") or None, self.one("until") or None, now)

    @property
    def filters(self) -> bool:
        """Whether the page is narrowed by any argument."""
        return any(value for key, value in self.arguments if key not in ("namespace", "page", "sort"))


def _found(found: _T | Damaged) -> _T:
    if isinstance(found, Damaged):
        raise found
    return found
