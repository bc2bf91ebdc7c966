"""Ended runs as spans of OpenTelemetry, beside the projection: in a thread of its own, and never in its way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from producer.text.extra import needing
from projector.errors import ProjectorError


def tracing_to(endpoint: str) -> Callable[..., AbstractContextManager[object]]:
    """`Tracing`, but for its endpoint. Loads OpenTelemetry, which a projector without a collector does not need.

    Raises ProjectorError if that is not installed, and InvalidSettings for an endpoint that is no URL of HTTP.
    """
    with needing("--otlp", "metrics", ProjectorError):
        from projector.tracing.collector import endpoint_of
        from projector.tracing.companion import Tracing
    return partial(Tracing, endpoint=endpoint_of(endpoint))
