"""The current span of OpenTelemetry, as the label `traceparent` of what starts within it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import fakeredis
import orjson
import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from producer import InvalidOperation, Producer
from producer.execution.trace_context import within

SPAN = NonRecordingSpan(SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(1)))
TRACEPARENT = f"00-{0xABC:032x}-{0xDEF:016x}-01"


@pytest.fixture
def client() -> Any:
    return fakeredis.FakeRedis()


@pytest.fixture
def producer(client: Any) -> Iterator[Producer]:
    with Producer(client, labels={"host": "db1"}) as made:
        yield made


def labels_of_starts(client: Any) -> list[Any]:
    operations = [orjson.loads(fields[b"op"]) for _, fields in client.xrange("{otters}:wal")]
    assert not [each for each in operations if each["type"] != "action_execution_started" and "labels" in each]
    return [each.get("labels") for each in operations if each["type"] == "action_execution_started"]


def test_every_start_within_a_span_names_it(producer: Producer, client: Any) -> None:
    run = producer.execution("a", source="manual")  # made before the span, and entered within it

    @producer.tracked("b", source="manual")
    def tracked() -> None: ...

    async def entered() -> None:
        with trace.use_span(SPAN):
            async with producer.execution("c", source="manual"):
                pass

    with trace.use_span(SPAN):
        with run:
            pass
        tracked()
        producer.action_execution_started("d", "manual", "command", labels={"team": "blue"})
    asyncio.run(entered())
    named = {"host": "db1", "traceparent": TRACEPARENT}
    assert labels_of_starts(client) == [named, named, {**named, "team": "blue"}, named]


def test_what_starts_outside_of_a_span_names_none(producer: Producer, client: Any) -> None:
    with producer.execution("a", source="manual"):
        pass
    assert labels_of_starts(client) == [{"host": "db1"}]


@pytest.mark.parametrize(
    "labels", [{"traceparent": "mine"}, {f"l{number}": "" for number in range(15)}], ids=["given", "full"]
)
def test_the_callers_labels_come_first(producer: Producer, client: Any, labels: dict[str, str]) -> None:
    with trace.use_span(SPAN):
        producer.action_execution_started("a", "manual", "command", labels=labels)
    assert labels_of_starts(client) == [{"host": "db1", **labels}]


def test_what_are_no_labels_is_refused_as_ever(producer: Producer) -> None:
    bad: Any = "text"
    with trace.use_span(SPAN), pytest.raises(InvalidOperation, match="labels"):
        producer.action_execution_started("a", "manual", "command", labels=bad)


@pytest.mark.parametrize("loaded", [None, object()], ids=["not loaded", "half loaded"])
def test_without_opentelemetry_a_start_is_as_it_was(
    producer: Producer, client: Any, monkeypatch: pytest.MonkeyPatch, loaded: Any
) -> None:
    with trace.use_span(SPAN):
        monkeypatch.setitem(sys.modules, "opentelemetry.trace", loaded)
        producer.action_execution_started("a", "manual", "command")
    assert labels_of_starts(client) == [{"host": "db1"}]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00-1-2-01",
        TRACEPARENT.upper(),
        TRACEPARENT + "\n",
        "ff" + TRACEPARENT[2:],
        f"00-{'0' * 32}-{'1' * 16}-01",
    ],
)
def test_a_text_that_names_no_span_is_left_out(text: str) -> None:
    assert within(text, None) is None
