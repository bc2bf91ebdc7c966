"""The export of spans beside one projector, while that is active: in a thread, for which it never waits."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing

from producer.connection.client import using_client
from producer.connection.pause import Pause
from producer.errors import WalError
from projector.archive.archive import Archive
from projector.commit.link import Link
from projector.entry_id import order_of
from projector.errors import damaged, text_of
from projector.keys import Keys
from projector.records import ActionExecutionRecord
from projector.tracing.collector import Collector
from projector.tracing.ended_runs import EndedRuns

BATCH = 500
"""Spans in one request, at most."""
_FIRST_LOOK_SECONDS, _LONGEST_LOOK_SECONDS = 0.5, 4.0
"""How often a thread looks for runs that have ended, soon after the last one and when nothing has come for long."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0

_log = logging.getLogger("projector")


class Tracing:
    """Exports the runs of `namespace` at `url` as spans to the collector at `endpoint`, while the block runs.

    The key `traced` keeps how far that is. It is written once the collector has acknowledged: nothing is lost, and
    what is exported twice has the same ids. The first export begins where the projection stands. `archive` says where
    entries are that were trimmed. May be entered again.
    """

    def __init__(self, url: str, namespace: str, *, endpoint: str, archive: str | None = None) -> None:
        self._url = url
        self._keys = Keys(namespace)
        self._endpoint = endpoint
        self._archive = archive
        self._trouble = ""
        self._stopping = threading.Event()

    def __enter__(self) -> Tracing:
        self._stopping = threading.Event()
        name = threading.current_thread().name  # by which log lines tell the namespace, if there are several
        try:
            threading.Thread(target=self._run, args=(self._stopping,), name=name, daemon=True).start()
        except RuntimeError as error:  # there are as many as this process may have
            self._say(f"no thread can be started: {error}")
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()

    def _run(self, stopping: threading.Event) -> None:
        pause = Pause(_FIRST_PAUSE, _LONGEST_PAUSE, sleep=stopping.wait)
        while not stopping.is_set():
            try:
                with (
                    using_client(self._url, self._keys.namespace) as client,
                    closing(Link(client, self._keys.wal, ())) as link,
                    closing(Collector(self._endpoint)) as collector,
                ):
                    self._export(link, collector, stopping, pause)
            except WalError as error:
                if not stopping.is_set():  # else the projector says it
                    self._say(str(error))
            except Exception:  # noqa: BLE001 - logged whole; without the thread no span would be exported any more
                if not self._trouble:
                    _log.exception("exporting spans has stopped: this is a bug, please report it")
                self._trouble = "a bug"
            pause.wait()

    def _export(self, link: Link, collector: Collector, stopping: threading.Event, pause: Pause) -> None:
        runs = EndedRuns(link.call, self._keys, self._opened if self._archive else None)
        position = self._begun(link, runs)
        look = Pause(_FIRST_LOOK_SECONDS, _LONGEST_LOOK_SECONDS, sleep=stopping.wait)
        while not stopping.is_set():
            records, reached = runs.after(position)
            for stands in self._taken(records, reached, collector, stopping, pause):
                if stands != position:
                    if stopping.is_set() and link.call("GET", self._keys.traced) != position.encode():
                        return  # another projector is at it by now
                    link.call("SET", self._keys.traced, stands)
                    position = stands
                    look.reset()
            if len(records) <= BATCH:
                look.wait()

    def _taken(
        self,
        records: Sequence[ActionExecutionRecord],
        reached: str,
        collector: Collector,
        stopping: threading.Event,
        pause: Pause,
    ) -> Iterator[str]:
        """Has the collector take `records`, however long that takes: the entry of the last of each request, as soon
        as it is acknowledged, and `reached` behind all."""
        most = BATCH
        while records:
            if stopping.is_set():
                return
            batch = records[:most]
            trouble = collector.take(batch)
            refuses = trouble and collector.refuses
            if refuses and len(batch) > 1:
                most = len(batch) // 2
                continue
            if refuses and not collector.take(()):  # else it takes nothing, whatever it is sent
                _log.warning("the span of entry %s is left out: %s", batch[0].entry_id, trouble)
            elif trouble:
                self._say(trouble)
                pause.wait()
                continue
            self._say("")
            pause.reset()
            yield batch[-1].entry_id
            records, most = records[len(batch) :], min(BATCH, 2 * most)
        yield reached

    def _begun(self, link: Link, runs: EndedRuns) -> str:
        """The entry up to which spans are exported; if there were none before, where the projection stands."""
        found: bytes | None = link.call("GET", self._keys.traced)
        if found is None:
            stands = runs.stands()
            link.call("SET", self._keys.traced, stands)
            return stands
        try:
            order_of(text_of(found))
        except ValueError as error:
            raise damaged(self._keys.traced, "no entry id") from error
        return text_of(found)

    def _opened(self) -> Archive:
        return Archive.at(self._archive or "", self._keys.namespace)

    def _say(self, trouble: str) -> None:
        if trouble and not self._trouble:
            _log.warning("exporting spans has stopped, and goes on when it can: %s", trouble)
        elif self._trouble and not trouble:
            _log.info("exporting spans goes on")
        self._trouble = trouble
