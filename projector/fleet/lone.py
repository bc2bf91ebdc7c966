"""One namespace, which may turn out to have partitions, and is then no longer one."""

from __future__ import annotations

import threading
from contextlib import suppress

from producer.connection.client import Client, using_client
from producer.wal import wal_key
from projector.connection.reader import Reader
from projector.errors import ProjectorError
from projector.fleet.making import Maker
from projector.fleet.search import SEARCH_SECONDS
from projector.namespaces.finding import partitions_of


class Lone:
    """The projector of `namespace` alone. `run` ends when it is stopped, and when the namespace `has_partitions`."""

    def __init__(self, url: str, namespace: str, make: Maker) -> None:
        self.has_partitions = False
        self.was_stopped = False
        self._url = url
        self._namespace = namespace
        self._ending = threading.Event()
        self._projector = make(namespace, on_connect=self._look)  # before it makes a log where none was

    def run(self) -> None:
        """Project. Raises as `Projector.run` does."""
        threading.Thread(target=self._watch, name="watch", daemon=True).start()
        try:
            self._projector.run()
        finally:
            self._ending.set()

    def stop(self) -> None:
        """Ask `run` to end."""
        self.was_stopped = True
        self._projector.stop()

    def _watch(self) -> None:
        with using_client(self._url, self._namespace) as client:
            while not self.has_partitions and not self._ending.wait(SEARCH_SECONDS):
                self._look(client)

    def _look(self, client: Client) -> None:
        call = Reader(client, wal_key(self._namespace).encode()).call
        with suppress(ProjectorError):  # the projector meets the same trouble, and says so
            if partitions_of(self._namespace, call) != [self._namespace]:
                self.has_partitions = True
                self._projector.stop()
