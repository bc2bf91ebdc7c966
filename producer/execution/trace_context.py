"""The trace that a run belongs to: OpenTelemetry's current span as the label `traceparent`, in the form of W3C."""

import re
import sys
from typing import Any

from producer.operations import MAX_LABELS

LABEL = "traceparent"
VARIABLE = "TRACEPARENT"
"""By it a program tells the trace to those that it starts."""

_FORM = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)


def is_traceparent(text: str) -> bool:
    """Whether `text` names a span, by W3C's Trace Context."""
    return _FORM.fullmatch(text) is not None


def traced(labels: Any) -> Any:
    """`labels`, and the current span among them, if this process has loaded OpenTelemetry and there is a span."""
    # Looked for, never imported: who traces has loaded it, and all others shall not wait for it. (redis-py loads it,
    # too, where its SDK is installed.)
    tracing = sys.modules.get("opentelemetry.trace")
    return labels if tracing is None else within(_current(tracing), labels)


def within(traceparent: str, labels: Any) -> Any:
    """`labels`, and `traceparent` among them, unless it names no span, they have another, or there is no room for it.
    What are no labels stays as it is."""
    if not (traceparent and is_traceparent(traceparent)):
        return labels
    if labels is None:
        return {LABEL: traceparent}
    if not isinstance(labels, dict) or LABEL in labels or len(labels) >= MAX_LABELS:
        return labels
    return {**labels, LABEL: traceparent}


def _current(tracing: Any) -> str:
    try:
        span = tracing.get_current_span().get_span_context()
        if not span.is_valid:
            return ""
        return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"
    except Exception:  # noqa: BLE001 - it is somebody else's, perhaps half loaded, and the run counts for more
        return ""
