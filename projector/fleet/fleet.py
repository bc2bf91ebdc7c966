"""The fleet: one worker's part of it, from the search for namespaces to the projector of each that is its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from producer.text.wording import counted
from projector.archiving.process import ArchiverProcess
from projector.errors import ProjectorError, ServerUnavailable
from projector.fleet.making import Maker, Settings
from projector.fleet.post import Post
from projector.fleet.search import SEARCH_SECONDS, Search
from projector.fleet.sharing.registry import Registry, Word
from projector.fleet.sharing.shares import shares_of
from projector.fleet.watch import Watch
from projector.metrics.commits import Activity
from projector.worker.projector import Projector

TRY_AGAIN_SECONDS = 30.0
"""How often a namespace that failed is tried again: somebody may have repaired it."""
_SLICE_SECONDS = 0.2
_TELLS_IN_A_LEASE = 5
_ALIVE = 2 / 3
"""The part of a lease's TTL after which a silent worker counts as dead: another waits for the lease's end then."""
_TELLS_TO_OTHERS = 3
"""For so many tells a namespace that cannot be reached from here is left to others."""
_REMEMBERED_LEASES = 2
"""For so many leases what the registry said last is taken to hold while its node is away."""

_log = logging.getLogger("projector")


class Fleet:
    """Runs the projector `make(namespace)` of each namespace that `search` finds and that is this worker's share.

    Each second the workers tell each other in the `registry` what they serve and have. Each of them reckons from that
    who should have what, gives up what is another's, and takes what is its own and nobody has. Without the registry
    this worker does as if it was alone: a lease still has one holder.
    """

    def __init__(
        self,
        search: Search,
        registry: Registry,
        make: Callable[[str], Projector],
        *,
        lease_ttl: float,
        activity: Activity | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._search = search
        self._registry = registry
        self._me = registry.me
        self._make = make
        self._activity = activity
        self._lease_ttl = lease_ttl
        self._tell_seconds = min(1.0, lease_ttl / _TELLS_IN_A_LEASE)
        self._monotonic = monotonic
        self._sleep = sleep
        self._stopping = False
        self._posts: dict[str, Post] = {}
        self._ailing: dict[str, float] = {}  # by namespace, when it is to be tried again
        self._told: dict[str, str] = {}  # by namespace, the error that was logged
        self._words: Mapping[str, Word] = {}  # of all live workers
        self._has_told = False
        self._told_at = monotonic()
        self._alone = ""  # why there is no registry
        self._facts: object = None
        self._shares: dict[str, str] = {}
        self._saying = self._said = ""

    def run(self) -> None:
        """Project until `stop()` is called, from a signal handler or another thread.

        Raises ServerRefused if the first search for namespaces is refused.
        """
        self._search.start()
        due = 0.0
        try:
            while not self._stopping:
                # A post that has let go is told at once, so that its namespace does not wait for its next worker.
                if self._monotonic() >= due or any(post.is_over for post in self._posts.values()):
                    due = self._monotonic() + self._tell_seconds
                    self._turn()
                if self._activity is not None:
                    self._activity.beat(name for name, post in self._posts.items() if not post.has_let_go)
                self._sleep(min(_SLICE_SECONDS, self._tell_seconds))
        finally:
            self._search.stop()
            self._registry.leave()  # first: the others wait for the leases from now on
            for post in self._posts.values():
                post.stop()
            for post in self._posts.values():
                post.join()
        _log.info("stopped; %s", counted(len(self._posts), "lease is free", "leases are free"))

    def stop(self) -> None:
        """Ask `run` to end; each projector commits the batch in hand and gives its lease back."""
        self._stopping = True

    def _turn(self) -> None:
        found = self._search.found
        if found is None:
            if self._search.refusal is not None:
                raise self._search.refusal
            return
        self._clear_posts()
        self._tell(found)
        if not self._has_told:  # workers that begin together hear of each other before they take anything
            self._has_told = True
            return
        self._reckon()
        mine = {name for name, worker in self._shares.items() if worker == self._me}
        for name, post in self._posts.items():
            if name not in mine:
                post.stop()
        self._ailing = {name: at for name, at in self._ailing.items() if name in found}
        taken = {name for word in self._others for name in (*word.has, *word.awaits)}
        for name in sorted(mine - taken - self._posts.keys()):
            self._ailing.pop(name, None)
            try:
                self._posts[name] = Post(name, self._make)
            except RuntimeError as error:  # there are as many threads as this process may have
                self._fail(name, f"no thread can be started: {error}")
        self._say(len(mine), len(self._shares), len(self._others))

    @property
    def _others(self) -> list[Word]:
        return [word for worker, word in self._words.items() if worker != self._me]

    def _clear_posts(self) -> None:
        """Forget posts that are over; those that failed are told, and tried again later."""
        for name, post in list(self._posts.items()):
            if post.is_over:
                del self._posts[name]
                if post.error:
                    self._fail(name, post.error, post.bug)
            elif post.away_for > self._lease_ttl and any(name in word.serves for word in self._others):
                # Another may reach the node that this worker does not reach: it gets the time to try.
                self._ailing[name] = self._monotonic() + _TELLS_TO_OTHERS * self._tell_seconds
            elif self._monotonic() - post.began_at > TRY_AGAIN_SECONDS:
                self._told.pop(name, None)

    def _fail(self, name: str, error: str, bug: Exception | None = None) -> None:
        self._ailing[name] = self._monotonic() + TRY_AGAIN_SECONDS
        if self._told.get(name) != error:
            self._told[name] = error
            again = f"it is tried again every {TRY_AGAIN_SECONDS:g} s"
            _log.error("namespace %s: %s (%s)", name, error, again, exc_info=bug)

    def _tell(self, found: frozenset[str]) -> None:
        """Tell the others of this worker, and hear of them. What has failed here is left to them, for a while, and as
        long as one of them has it."""
        now, has, awaits = self._monotonic(), set[str](), set[str]()
        theirs = {name for word in self._others for name in word.has}
        left = {name for name, at in self._ailing.items() if at > now or name in theirs}
        for name, post in self._posts.items():
            if not (post.has_let_go or name in left):
                (awaits if post.stands_by else has).add(name)
        word = Word(serves=tuple(sorted(found - left)), has=tuple(sorted(has)), awaits=tuple(sorted(awaits)))
        try:
            words = self._registry.tell(word)
        except ProjectorError as error:
            words = {**self._words, self._me: word}
            passing = isinstance(error, ServerUnavailable)
            if not passing or self._monotonic() - self._told_at > _REMEMBERED_LEASES * self._lease_ttl:
                words = {self._me: word}
                if not self._alone:
                    _log.warning("no other worker is known, and shares may be uneven: the registry says: %s", error)
                self._alone = str(error)
        else:
            if self._alone:
                _log.info("the registry of the workers is back")
            self._alone, self._told_at = "", self._monotonic()
        self._words = words

    def _reckon(self) -> None:
        """Reckon the shares anew, if a fact has changed."""
        facts = sorted(self._words.items())
        if facts == self._facts:
            return
        self._facts = facts
        # If two say the same of one namespace, all believe the same one, and first one that does not wait for it.
        holders = {name: worker for worker, word in reversed(facts) for name in word.awaits}
        holders |= {name: worker for worker, word in reversed(facts) for name in word.has}
        self._shares = shares_of({worker: word.serves for worker, word in facts}, holders)

    def _say(self, mine: int, all_: int, others: int) -> None:
        """Log the shares when they have changed and hold for two turns."""
        company = f"with {counted(others, 'other worker')}" if others else "alone"
        saying = f"serving {mine} of {counted(all_, 'namespace')}, {company}"
        if not all_:
            saying = f"there is no namespace like {self._search.wanted} yet; looking every {SEARCH_SECONDS:g} s"
        if saying == self._saying and saying != self._said:
            self._said = saying
            _log.info("%s", saying)
        self._saying = saying


def fleet_of(settings: Settings, activity: Activity | None = None) -> Fleet:
    """A worker by `settings`, whose `activity` is counted if somebody wants to know it."""
    return Fleet(
        Search(settings.url, settings.wanted),
        Registry(settings.url, alive_ms=int(settings.lease_ttl * 1000 * _ALIVE)),
        Maker(
            settings,
            watch=Watch(settings.url, settings.lease_ttl),
            archiver=ArchiverProcess(),
            activity=activity,
        ),
        lease_ttl=settings.lease_ttl,
        activity=activity,
    )
