"""The search for namespaces: again and again, in a thread of its own, because a server may have very many keys."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from producer.connection.client import Client, client_of
from producer.connection.pause import Pause
from producer.log import Call
from producer.wal import wal_key
from projector.connection.reader import Reader
from projector.errors import Damaged, ProjectorError, ServerUnavailable
from projector.namespaces.finding import find
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
        self._single: Client | None = None  # of a server that is no cluster
        self._clients: list[Client] = []
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
        try:
            return frozenset(find(self.wanted, self._call_of))
        finally:
            single = self._single
            for client in self._clients:
                if client is not single:
                    client.close()
            self._clients = [single] if single else []

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

    def _call_of(self, namespace: str) -> Call:
        client = self._single or self._client_of(namespace)
        call = Reader(client, wal_key(namespace).encode()).call

        def ask(*command: Any) -> Any:
            try:
                return call(*command)
            except Damaged as error:  # of one namespace, and the others have to be found
                if command[0] != "GET":
                    raise
                if (text := f"namespace {namespace}: {error}") not in self._told:
                    self._told.add(text)
                    _log.error("%s", text)
                return None

        return ask

    def _client_of(self, namespace: str) -> Client:
        for client in self._clients:
            if not _may_be_a_cluster(client):
                self._single = client
                return client
        made, _ = client_of(self._url, namespace)
        self._clients.append(made)
        return made


def _may_be_a_cluster(client: Any) -> bool:
    """Whether `client` has found nodes, or has not yet asked."""
    nodes = client.connection_pool.connection_kwargs.get("nodes")
    return nodes is not None and nodes.is_cluster is not False
