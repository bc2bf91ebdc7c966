"""The post of one namespace: its projector, in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from producer.errors import WalError
from projector.worker.projector import Projector


class Post:
    """Runs the projector that `make(namespace)` gives until `stop`, or until it fails: then `error` says why."""

    def __init__(self, namespace: str, make: Callable[[str], Projector]) -> None:
        self.error = ""
        self.bug: Exception | None = None
        """The error, if it is none that was foreseen."""
        self.began_at = time.monotonic()
        self.stopping = False
        self._make = make
        self._projector: Projector | None = None
        # Log lines have the name of their thread.
        self._thread = threading.Thread(target=self._run, args=(namespace,), name=namespace, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Have the projector commit what it has, and give its lease back; `is_over` tells when it has."""
        self.stopping = True
        if self._projector is not None:
            self._projector.stop()

    def join(self) -> None:
        """Wait for the end."""
        self._thread.join()

    @property
    def is_over(self) -> bool:
        """Whether the thread has ended."""
        return not self._thread.is_alive()

    @property
    def has_let_go(self) -> bool:
        """Whether it was stopped and has no lease any more; the archiver beside it may still have to do."""
        return self.stopping and (self.is_over or (self._projector is not None and not self._projector.has_lease))

    @property
    def stands_by(self) -> bool:
        """Whether another has the lease."""
        return self._projector is not None and self._projector.stands_by

    @property
    def away_for(self) -> float:
        """For how many seconds the server has been away; 0 if it is not."""
        return 0.0 if self._projector is None else self._projector.away_for

    def _run(self, namespace: str) -> None:
        try:
            self._projector = projector = self._make(namespace)
            if self.stopping:  # before there was a projector to be told
                projector.stop()
            projector.run()
        except WalError as error:
            self.error = str(error)
        except Exception as error:  # noqa: BLE001 - logged whole by the fleet
            self.error = f"this is a bug, please report it: {type(error).__name__}: {error}"
            self.bug = error
