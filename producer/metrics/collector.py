"""The collector: what has become of the operations of producers, as prometheus-client takes it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from producer.delivery.standing import Standing
from producer.producer import Producer
from producer.text.extra import needing

with needing("producer.metrics", "metrics", ModuleNotFoundError):
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector

_PREFIX = "execution_wal_producer"


class ProducerCollector(Collector):
    """Tells what has become of the operations of `producers`, by namespace: those of partitions, and of producers of
    one namespace, together. A registry takes one such collector: give it all producers of the process.

    A forked child counts from zero. What dead producers have left in a spool is not theirs, and not told here.
    """

    def __init__(self, *producers: Producer, clock: Callable[[], float] = time.time) -> None:
        self._producers = producers
        self._clock = clock

    def collect(self) -> Iterable[Metric]:
        """The metrics as they stand. Asks no server, and waits for none."""
        found: dict[str, Standing] = {}
        for producer in self._producers:
            standing = producer.standing
            before = found.get(producer.namespace)
            found[producer.namespace] = before + standing if before else standing
        now = self._clock()
        names = ["namespace"]
        recorded = CounterMetricFamily(
            f"{_PREFIX}_recorded", "Operations in the log, the spool or the buffer, as safe as asked.", labels=names
        )
        refused = CounterMetricFamily(
            f"{_PREFIX}_refused", "Operations whose call raised, or which a full spool dropped.", labels=names
        )
        waiting = GaugeMetricFamily(
            f"{_PREFIX}_waiting_operations", "Operations in the spool or buffer that the log lacks.", labels=names
        )
        spooled = GaugeMetricFamily(f"{_PREFIX}_spool_bytes", "Bytes of operations in the spool.", labels=names)
        oldest = GaugeMetricFamily(
            f"{_PREFIX}_oldest_waiting_seconds", "Age of the oldest operation that waits, else 0.", labels=names
        )
        for namespace, standing in found.items():
            recorded.add_metric([namespace], standing.recorded)
            refused.add_metric([namespace], standing.refused)
            waiting.add_metric([namespace], standing.waiting)
            spooled.add_metric([namespace], standing.spool_bytes)
            since = now if standing.oldest_at is None else standing.oldest_at / 1000
            oldest.add_metric([namespace], max(0.0, now - since))
        return (recorded, refused, waiting, spooled, oldest)
