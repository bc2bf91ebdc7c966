"""The wire of a run: the suite's proxy, made bad at random, and switched to another server at a failover."""

from __future__ import annotations

import threading
import time
from random import Random

from tests.support.proxy import Fault, Proxy

__all__ = ["Wire"]


class Wire(Proxy):
    """Everything that producers and projectors send goes through it."""

    def __init__(self, port: int) -> None:
        self._random = Random(0)
        self._rates: dict[Fault, float] = {}
        self._delay = 0.0
        self._flowing = threading.Event()
        self._flowing.set()
        super().__init__(port)

    def switch(self, port: int) -> None:
        """Lead to another server from now on; whoever is connected is cut off."""
        self._target = ("127.0.0.1", port)
        self.cut()

    def disturb(self, random: Random, rates: dict[Fault, float]) -> None:
        """Let each request suffer one of these faults with this probability, until `calm`."""
        self._random, self._rates = random, rates

    def delay(self, seconds: float) -> None:
        """Let each request wait so long, until `calm`."""
        self._delay = seconds

    def stall(self) -> None:
        """Pass no request on until `calm`; then they all arrive, late, whether or not somebody still waits."""
        self._flowing.clear()

    def calm(self) -> None:
        self._rates = {}
        self._delay = 0.0
        self._flowing.set()
        self.release()

    def close(self) -> None:
        self.calm()
        super().close()

    def _due(self, request: bytes) -> Fault | None:
        if self._delay:
            time.sleep(self._delay)
        self._flowing.wait()
        fault = super()._due(request)
        return fault if fault is not None else self._drawn()

    def _drawn(self) -> Fault | None:
        if not self._rates:
            return None
        with self._lock:
            drawn = self._random.random()
            for fault, rate in self._rates.items():
                drawn -= rate
                if drawn < 0:
                    self.injected += 1
                    return fault
        return None
