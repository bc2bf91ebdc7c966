"""The logs of several namespaces as one: entries by their times, and those of one time by namespace.

A walk goes through each log. What the walks have found is given out as far as none of them can still find what comes
before. What is followed comes as it is written: those that are found together are in order.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from producer.connection.pause import Pause
from projector.entry_id import order_of
from projector.errors import ArchiveUnavailable, ProjectorError, ServerUnavailable
from projector.query.merging.records import latest_of
from projector.query.questions.log import page_of
from projector.query.questions.question import Blocking, Inquiry, Question, all_keys, ask, each

if TYPE_CHECKING:
    from producer.log import Call
    from projector.keys import Keys
    from projector.search.entry import LogEntry
    from projector.search.walk import Walk

WalkOf = Callable[[str, int | None], "Walk"]
"""Makes the walk through the log of a namespace, up to a limit."""

_WAIT = "XREAD BLOCK 500 COUNT 1 STREAMS"
_POLL_SECONDS = 0.1
"""How often is looked for news where no command waits for all, because they are on several nodes."""


class _Course:
    """A walk, and what it has found that waits for the others."""

    def __init__(self, keys: Keys, walk: Walk) -> None:
        self.keys = keys
        self.walk = walk
        self.found: deque[LogEntry] = deque()
        self.due = 0.0
        """When to ask again, by the monotonic clock, because the server was away."""
        self._pause = Pause(0.1, 5.0, sleep=self._rest)

    @property
    def may_find(self) -> bool:
        """Whether it goes through what has been written, and has not come to the end."""
        return not (self.walk.done or self.walk.live)

    def step(self) -> Question[None]:
        try:
            self.found += yield Blocking(lambda call: self.walk.step(call, wait=False))
        except (ServerUnavailable, ArchiveUnavailable) as error:
            if not (self.walk.follow and self.walk.begun):
                raise
            self.fail(error)
        else:
            self.walk.trouble = None
            self._pause.reset()

    def fail(self, error: ProjectorError) -> None:
        self.walk.trouble = type(error)(f"namespace {self.keys.namespace}: {error}")
        self._pause.wait()

    def _rest(self, seconds: float) -> None:
        self.due = time.monotonic() + seconds


class Logs:
    """The entries that are wanted of the logs of all namespaces, page by page.

    Up to `limit` (None: all) come newest first, or if `reverse` oldest first. With `follow` the last `limit` come
    oldest first, and then each new one.

    `together` tells whether one server has all of them.
    """

    def __init__(
        self, walk_of: WalkOf, together: Callable[[], bool], *, limit: int | None, reverse: bool, follow: bool
    ) -> None:
        self._walk_of = walk_of
        self._together = together
        self._limit = self._left = limit
        self._oldest_first = reverse or follow
        self._follow = follow
        self._gathers = follow and limit is not None
        self._courses: dict[str, _Course] = {}
        self._pause = Pause(0.1, 5.0, sleep=time.sleep)
        self._last: LogEntry | None = None
        self._begun = False
        self.done = False
        """Whether there is nothing more to come."""

    @property
    def walks(self) -> list[Walk]:
        """One for each namespace that was found."""
        return [course.walk for course in self._courses.values()]

    @property
    def is_idle(self) -> bool:
        """Whether there is no namespace yet to wait for."""
        return self._follow and self._begun and not self._courses

    @property
    def complete(self) -> bool:
        """Whether all is there that is wanted, once it is done: the limit has cut nothing off."""
        return self.done and self._left != 0 and all(walk.complete for walk in self.walks)

    @property
    def since(self) -> int | None:
        """Otherwise: all is there that was written from then on, epoch ms; None if that is not known."""
        ends = [walk.since for walk in self.walks if not walk.complete and (walk.done or walk.gone)]
        if len(self._courses) > 1 and self._left == 0:
            ends.append(self._last.time + 1 if self._last and not self._oldest_first else None)
        return latest_of(ends)

    @property
    def trouble(self) -> Exception | None:
        """Why what is followed cannot be read at the moment, of the first namespace of which that is so."""
        return next((walk.trouble for walk in self.walks if walk.trouble is not None), None)

    def page(self) -> Inquiry[list[LogEntry]]:
        """The next entries, which may be none."""
        yield from self._find()
        if len(self._courses) == 1 and not self._waiting:
            (course,) = self._courses.values()
            found = yield from ask(course.keys.namespace, lambda _: page_of(course.walk, self._pause))
            self.done, self._gathers = course.walk.done, False
            self._left = course.walk.left
            return found
        yield from self._step()
        if self._gathers:
            return self._gathered()
        found = self._safe()
        if self._left is not None and not self._follow:  # else the limit is of those before
            found = found[: self._left]
            self._left -= len(found)
        self._last = found[-1] if found else self._last
        over = all(course.walk.done and not course.found for course in self._courses.values())
        self.done = not self._follow and (over or self._left == 0)
        return found

    @property
    def _waiting(self) -> bool:
        return any(course.found for course in self._courses.values())

    def _find(self) -> Inquiry[None]:
        """Namespaces that have appeared since were not there before: of these all is new, if this is followed. Those
        that are found no longer, because others have taken their place or their logs are gone, have nothing more."""
        there = {keys.namespace: keys for keys in (yield from all_keys())}
        for name in [name for name, course in self._courses.items() if name not in there and not course.found]:
            del self._courses[name]
        for name, keys in there.items():
            if name not in self._courses and (self._follow or not self._begun):
                self._courses[name] = _Course(keys, self._walk_of(name, None if self._begun else self._limit))
        self._begun = True

    def _step(self) -> Inquiry[None]:
        """Have the walks go on that hold up the others; or else wait for something new."""
        now = time.monotonic()
        ready = [course for course in self._courses.values() if course.due <= now]
        behind = [course for course in ready if course.may_find and not course.found]
        if self._follow and not behind and not self._waiting:
            behind = yield from self._news([course for course in ready if course.walk.live])
        stepping = {course.keys.namespace: course.step for course in behind}
        if stepping:
            yield from each(lambda keys: stepping[keys.namespace]() if keys.namespace in stepping else None)

    def _news(self, live: list[_Course]) -> Inquiry[list[_Course]]:
        """Those of which there may be something new, after a while at most."""
        anyone = next(iter(self._courses), None)
        if anyone is None:
            return []
        if not live or not self._together():
            yield from ask(anyone, lambda _: _slept(_POLL_SECONDS))
            return live
        streams = [*(course.keys.wal for course in live), *(course.walk.stands for course in live)]
        try:
            reply = yield from ask(anyone, lambda _: _call(_WAIT, *streams))
        except ServerUnavailable as error:
            for course in live:
                course.fail(error)
            return []
        told = reply if isinstance(reply, dict) else [name for name, _ in reply or ()]
        return [course for course in live if course.keys.wal in told]

    def _gathered(self) -> list[LogEntry]:
        """The last that there were, once each walk has found its own."""
        if any(course.walk.gathers for course in self._courses.values()):
            return []
        self._gathers = False
        found = sorted(self._taken(lambda _: True), key=self._order)
        return found[max(0, len(found) - (self._limit or 0)) :]

    def _safe(self) -> list[LogEntry]:
        """What no walk can find anything before."""
        now = time.monotonic()
        holding = [course for course in self._courses.values() if course.may_find and course.due <= now]
        if not all(course.found for course in holding):
            return []
        ends = [self._order(course.found[-1]) for course in holding]
        end = min(ends, default=None)
        return sorted(self._taken(lambda entry: end is None or self._order(entry) <= end), key=self._order)

    def _taken(self, wanted: Callable[[LogEntry], bool]) -> Iterable[LogEntry]:
        for course in self._courses.values():
            for entry in list(takewhile(wanted, course.found)):
                course.found.popleft()
                yield entry

    def _order(self, entry: LogEntry) -> tuple[int, int, str]:
        milliseconds, number = order_of(entry.entry_id)
        sign = 1 if self._oldest_first else -1
        return sign * milliseconds, sign * number, entry.namespace


def _slept(seconds: float) -> Question[None]:
    yield Blocking(lambda _: time.sleep(seconds))


def _call(*command: Any) -> Question[Any]:
    def work(call: Call) -> Any:
        return call(*command)

    reply = yield Blocking(work)
    return reply
