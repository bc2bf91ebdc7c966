"""A producer's own metrics, as Prometheus reads them: what was recorded, what was refused, and what waits."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from producer import Producer, Spool, SpoolFull, WalUnavailable
from producer.metrics import ProducerCollector
from tests.support.servers import Server, vacant_port

pytestmark = pytest.mark.server

Figures = dict[str, float]


def scraped(*producers: Producer, now: float = 0.0) -> dict[str, Figures]:
    """By namespace the samples of all metrics, by their names without the prefix."""
    registry = CollectorRegistry()
    registry.register(ProducerCollector(*producers, clock=lambda: now))
    found: dict[str, Figures] = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            name = sample.name.removeprefix("execution_wal_producer_")
            found.setdefault(sample.labels["namespace"], {})[name] = sample.value
    return found


def figures(recorded: int, refused: int, waiting: int = 0, spool_bytes: float = 0, oldest: float = 0) -> Figures:
    return {
        "recorded_total": recorded,
        "refused_total": refused,
        "waiting_operations": waiting,
        "spool_bytes": spool_bytes,
        "oldest_waiting_seconds": oldest,
    }


def record(producer: Producer, scanner_id: str = "locks") -> None:
    producer.cleanup_executed(scanner_id, "lock:deploy", "release", True)


def test_direct_calls_count_by_their_outcome_those_of_partitions_and_of_one_namespace_together(
    shared_server: Server, namespace: str
) -> None:
    away = f"redis://127.0.0.1:{vacant_port()}"
    with (
        Producer(shared_server.url, namespace) as here,
        Producer(away, namespace, timeout=0.05) as refused,
        Producer(shared_server.url, f"{namespace}-p", partitions=4) as divided,
    ):
        record(here)
        with pytest.raises(WalUnavailable) as lost:
            record(refused)
        with pytest.raises(ValueError, match="scanner_id"):
            record(here, "")  # which is no operation
        for number in range(8):
            record(divided, f"scanner-{number}")
        expected = {namespace: figures(1, 1), f"{namespace}-p": figures(8, 0)}
        assert scraped(here, refused, divided) == expected
        here.resend(lost.value)
        assert scraped(here)[namespace] == figures(2, 0)


def test_what_waits_in_a_spool_is_told_with_its_bytes_and_age_until_the_log_has_it(
    own_server: Server, tmp_path: Path, namespace: str
) -> None:
    own_server.stop()
    times = iter((1000.0, 1005.0, 1005.0))
    options: Any = {"timeout": 0.2, "clock": lambda: next(times), "allow_odd_times": True}
    with Producer(own_server.url, namespace, spool=Spool(tmp_path, bytes=300), **options) as producer:
        record(producer)
        record(producer)
        with pytest.raises(SpoolFull):
            record(producer)
        found = scraped(producer, now=1007.0)[namespace]
        assert 200 < found["spool_bytes"] < 300
        assert found == figures(2, 1, 2, found["spool_bytes"], oldest=7)
        child = os.fork()
        if child == 0:
            os._exit(0 if scraped(producer)[namespace] == figures(0, 0) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        own_server.start()
        assert producer.flush(30)
        assert scraped(producer)[namespace] == figures(2, 1)


def test_a_full_spool_that_drops_tells_so(tmp_path: Path, namespace: str) -> None:
    url = f"redis://127.0.0.1:{vacant_port()}"
    with Producer(url, namespace, spool=Spool(tmp_path, bytes=150, on_full="drop"), timeout=0.05) as producer:
        for _ in range(4):
            record(producer)
        found = scraped(producer)[namespace]
        assert (found["recorded_total"], found["refused_total"], found["waiting_operations"]) == (4, 2, 2)


def test_a_buffer_tells_what_waits_and_since_when(namespace: str) -> None:
    url = f"redis://127.0.0.1:{vacant_port()}"
    producer = Producer(url, namespace, buffer=10, timeout=0.05, clock=lambda: 100.0, allow_odd_times=True)
    record(producer)
    record(producer)
    assert scraped(producer, now=103.5)[namespace] == figures(2, 0, 2, oldest=3.5)
    producer.close(0)
