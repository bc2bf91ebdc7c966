"""The archiver beside one projector: has its log archived while the projector is active, and hears how far it is."""

from __future__ import annotations

import logging

from projector.archiving.orders import News, Order
from projector.archiving.process import ArchiverProcess

__all__ = ["Companion", "News", "Order"]

_log = logging.getLogger("projector")


class Companion:
    """Has a process archive while the block runs. At the end of a block without an error it archives the rest first.

    The process is its own, or the one that it shares with others, of which log lines then name the namespace. May be
    entered again.
    """

    def __init__(self, order: Order, shared: ArchiverProcess | None = None) -> None:
        self._order = order
        self._process = shared or ArchiverProcess()
        self._of_which = f" of namespace {order.namespace}" if shared else ""
        self._news = News()

    def archived_to(self) -> str:
        """The last entry that is in the archive for sure; empty while that is not known."""
        return self._news.archived_to

    def __enter__(self) -> Companion:
        self._number = self._process.begin(self._order, self._hear)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._process.end(self._number, rest=kind is None)
        self._news = News(trouble=self._news.trouble)  # the next log may lack what this one had: after a failover

    def _hear(self, news: News) -> None:
        if news.ended:  # the order, which is no news of the archive
            return
        before, self._news = self._news, news
        if news.trouble and not before.trouble:
            stopped = f"archiving{self._of_which} has stopped, and nothing more can be trimmed until it goes on"
            _log.warning("%s: %s", stopped, news.trouble)
        elif before.trouble and not news.trouble:
            _log.info("archiving%s goes on, from entry %s", self._of_which, news.archived_to or "the first")
