"""The span of one ended run. Its ids are hashes of what the log says: whenever it is made, they are the same."""

from __future__ import annotations

from hashlib import sha256
from importlib.metadata import version
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from producer.execution.trace_context import LABEL, is_traceparent
from projector.fold.fold import execution_key
from projector.records import ActionExecutionRecord

SERVICE = "execution-wal"

_ATTRIBUTES = (
    *("namespace", "action_id", "execution_id", "source", "execution_type", "by", "entry_id"),
    *("command", "attempt", "exit_code", "orphaned", "resolved"),
)
_NS_PER_MS = 1_000_000
_LATEST_MS = 2**63 // _NS_PER_MS
"""A span takes no later time, and a run may say any."""
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_resource = Resource({"service.name": SERVICE})
_scope = InstrumentationScope(SERVICE, version("execution-wal"))


def span_of(record: ActionExecutionRecord) -> ReadableSpan:
    """The span of `record`: a child of the one that its label `traceparent` names, else the root of a trace.

    A run has one trace, and each of its records a span there: one that was presumed dead and ended after all has two.
    """
    labels = dict(record.labels or {})
    parent = _parent_of(labels.pop(LABEL, ""))
    # The run is named by its start: its key may be that of another run later on.
    run = execution_key(record.action_id, record.execution_id)
    began = record.entry_id if record.started_at is None else str(record.started_at)
    trace_id = parent.trace_id if parent else _hash("trace", record.namespace, run, began, size=16)
    span_id = _hash("span", record.namespace, record.entry_id, size=8)
    attributes: dict[str, Any] = {name: getattr(record, name) for name in _ATTRIBUTES}
    attributes |= {f"label.{name}": text for name, text in labels.items()}
    ended_at = min(record.timestamp, _LATEST_MS)
    started_at = record.timestamp - (record.duration_ms or 0) if record.started_at is None else record.started_at
    return ReadableSpan(
        record.action_id,
        SpanContext(trace_id, span_id, is_remote=False, trace_flags=_SAMPLED),
        parent,
        _resource,
        {name: value for name, value in attributes.items() if value is not None},
        kind=SpanKind.INTERNAL,
        status=Status() if record.success else Status(StatusCode.ERROR, record.error),
        start_time=min(max(0, started_at), ended_at) * _NS_PER_MS,  # clocks differ, and no span ends before it starts
        end_time=ended_at * _NS_PER_MS,
        instrumentation_scope=_scope,
    )


def _parent_of(traceparent: str) -> SpanContext | None:
    if not is_traceparent(traceparent):
        return None
    _, trace_id, span_id, flags = traceparent.split("-")
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))


def _hash(*words: str, size: int) -> int:
    """A number of `size` bytes that is not 0, which OpenTelemetry takes for none."""
    return int.from_bytes(sha256("\0".join(words).encode()).digest()[:size]) or 1
