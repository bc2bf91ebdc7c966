"""The search for namespaces: again and again, in a thread of its own, because a server may have very many keys."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import closing
from typing import Any

from producer.connection.pause import Pause
from producer.log import Call
from projector.errors import Damaged, ProjectorError, ServerUnavailable
from projector.namespaces.finding import find
from projector.namespaces.readers import Readers
from projector.namespaces.wanted import Wanted

SEARCH_SECONDS = 30.0
"""How often namespaces are looked for, if a search takes less than a twentieth of that."""
_MOST = 1 / 20
"""The part of its time that the search may take."""
_FIRST_PAUSE = 0.5

_log = logging.getLogger("projector")


class Search:
    """Finds the namespaces that are `wanted` at `url`, with their partitions."""

    def __init__(self, url: str, wanted: Wanted) -> None:
        self.wanted = wanted
        self.found: frozenset[str] | None = None
        """None as long as no search has come to its end."""
        self._before: frozenset[str] = frozenset()  # what the latest search found
        self.refusal: ProjectorError | None = None
        """Why the first search ended the thread: an operator has to repair that."""
        self._url = url
        self._ending = threading.Event()
        self._told: set[str] = set()
        self._trouble = ""

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="search", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the search under way, for which nobody needs to wait."""
        self._ending.set()

    def look(self) -> frozenset[str]:
        """The namespaces that there are now. Raises as `find` does."""
        with closing(Readers(self._url, self.wanted.first)) as readers:
            return frozenset(
                find(self.wanted, lambda namespace: self._lenient(namespace, readers.call_of(namespace)))
            )

    def _run(self) -> None:
        pause = Pause(_FIRST_PAUSE, SEARCH_SECONDS, sleep=self._ending.wait)
        while not self._ending.is_set():
            began = time.monotonic()
            try:
                before, self._before = self._before, self.look()
                # SCAN may miss a slot that moves from one master to another meanwhile, but not twice.
                self.found = before | self._before
            except ProjectorError as error:
                if self.found is None and not isinstance(error, ServerUnavailable):
                    self.refusal = error
                    return
                if not self._trouble:
                    _log.warning("namespaces cannot be looked for: %s", error)
                self._trouble = str(error)
                pause.wait()
            except Exception:  # noqa: BLE001 - logged whole; without the thread nothing would be found any more
                if not self._trouble:
                    _log.exception("namespaces cannot be looked for: this is a bug, please report it")
                self._trouble = "a bug"
                pause.wait()
            else:
                if self._trouble:
                    _log.info("namespaces are looked for again")
                self._trouble = ""
                pause.reset()
                self._ending.wait(max(SEARCH_SECONDS, (time.monotonic() - began) / _MOST))

    def _lenient(self, namespace: str, call: Call) -> Call:
        """`call`, but what is damaged is told once and counts as absent, because the others have to be found."""

        def ask(*command: Any) -> Any:
            try:
                return call(*command)
            except Damaged as error:
                if command[0] != "GET":
                    raise
                if (text := f"namespace {namespace}: {error}") not in self._told:
                    self._told.add(text)
                    _log.error("%s", text)
                return None

        return ask
