"""What runs beside what is measured, each in a process of its own: a projector, a producer that keeps a pace,
and a client that sends PINGs."""

from __future__ import annotations

from itertools import cycle
from multiprocessing.synchronize import Event
from threading import Thread
from time import perf_counter, sleep

import redis

from producer import Producer
from projector import Projector
from projector.keys import Keys
from tests.benchmarks.ground.baselines import ping
from tests.benchmarks.ground.calls import call_of
from tests.benchmarks.ground.site import NAMESPACE
from tests.benchmarks.ground.workload import ACTIONS_50
from tests.support.servers import eventually

__all__ = ["Sent", "pinging", "producing", "projecting"]

Sent = list[tuple[float, float]]
"""Of each operation or PING: when it was sent, by the clock of all processes, and how many seconds it took."""

_OPERATIONS = 10_000
"""As many different ones; then they come again."""


def projecting(ready: Event, stop: Event, url: str) -> None:
    """A projector at work until `stop`; `ready` once it has the lease."""
    projector = Projector(url, NAMESPACE)
    working = Thread(target=projector.run)
    working.start()
    with redis.Redis.from_url(url) as client:
        eventually(lambda: client.exists(Keys(NAMESPACE).lease), what="a projector to be active")
    ready.set()
    stop.wait()
    projector.stop()
    working.join()


def producing(ready: Event, stop: Event, url: str, per_second: int) -> Sent:
    """So many operations a second until `stop`; what is late is sent at once."""
    sent: Sent = []
    with Producer(url, NAMESPACE) as producer:
        calls = cycle([call_of(producer, entry) for entry in ACTIONS_50.entries(_OPERATIONS)])
        next(calls)()  # connected, code warm
        ready.set()
        due = perf_counter()
        for call in calls:
            due += 1 / per_second
            sleep(max(0.0, due - perf_counter()))
            if stop.is_set():
                return sent
            begun = perf_counter()
            call()
            sent.append((begun, perf_counter() - begun))
    return sent


def pinging(ready: Event, stop: Event, url: str, pause: float) -> Sent:
    """PINGs on one connection until `stop`, each so many seconds after the reply to the one before."""
    sent: Sent = []
    with redis.Redis.from_url(url) as client:
        ping(client)  # connected
        ready.set()
        while not stop.is_set():
            sleep(pause)
            sent.append((perf_counter(), ping(client)))
    return sent
