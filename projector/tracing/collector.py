"""The collector of spans, reached by OTLP over HTTP."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import requests
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace.export import SpanExportResult

from producer.errors import InvalidSettings
from projector.records import ActionExecutionRecord
from projector.tracing.span import span_of

TIMEOUT_SECONDS = 5.0
_TOO_MUCH = (400, 413)
"""What a collector answers to spans that it does not take, however often they are sent."""

_log = logging.getLogger("projector")


class Collector:
    """Takes spans at `endpoint`, the URL with its path. The variables `OTEL_EXPORTER_OTLP_…` say the rest, as headers
    and certificates. For one thread, but for `close`."""

    def __init__(self, endpoint: str) -> None:
        # Of each attempt it would log two lines, and we tell of trouble once.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._asking = _Asking()
        self._exporter = OTLPSpanExporter(endpoint=endpoint, timeout=TIMEOUT_SECONDS, session=self._asking)
        self._where = _shown(endpoint)

    def take(self, records: Sequence[ActionExecutionRecord]) -> str:
        """Send the spans of `records`; why the collector has not acknowledged them, or nothing."""
        self._asking.trouble, self._asking.status = "no request could be made", None
        try:
            spans = [span_of(record) for record in records]
        except Exception as error:  # noqa: BLE001 - told by who asks, with the record's name
            return f"no span can be made: {type(error).__name__}: {error}"
        # For the exporter a redirection, which nobody follows, is an acknowledgement.
        if self._exporter.export(spans) is SpanExportResult.SUCCESS and not self._asking.trouble:
            if self._asking.rejected:
                _log.warning("%s has taken some spans, and left out %s", self._where, self._asking.rejected)
            return ""
        return f"{self._where}: {self._asking.trouble}"

    @property
    def refuses(self) -> bool:
        """Whether the last trouble lasts for these spans: they are too many, or one of them is not understood, or not
        even a request could be made of them."""
        return self._asking.status is None or self._asking.status in _TOO_MUCH

    def close(self) -> None:
        """End an attempt that waits for the next."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class _Asking(requests.Session):
    """Keeps what the exporter only logs: why a request failed."""

    trouble = ""
    status: int | None = None
    """Of the last answer; 0 without one, None if nothing was asked."""
    rejected = ""
    """How many of the spans that were taken the collector has left out, and why: nobody shall send them again."""

    def request(self, *arguments: Any, **options: Any) -> requests.Response:
        self.status = 0
        try:
            # Said here, `verify` comes before what the environment says to requests.
            options = {"verify": self.verify} | options | {"allow_redirects": False}
            response = super().request(*arguments, **options)
        except OSError as error:  # of requests, or a certificate is not there
            self.trouble = _words_of(error)
            raise
        self.status = response.status_code
        is_taken = 200 <= response.status_code < 300
        self.trouble = "" if is_taken else f"it answered {response.status_code} {response.reason}"
        self.rejected = _rejected(response) if is_taken else ""
        return response


def _rejected(response: requests.Response) -> str:
    if response.headers.get("content-type", "").partition(";")[0].strip() != "application/x-protobuf":
        return ""
    try:
        found = ExportTraceServiceResponse.FromString(response.content).partial_success
    except DecodeError:
        return ""
    return f"{found.rejected_spans}: {found.error_message!r}" if found.rejected_spans else ""


def _words_of(error: OSError) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if not isinstance(error, requests.RequestException):
        return str(error)
    inner: BaseException = error
    while (cause := inner.__cause__ or inner.__context__) is not None:
        inner = cause
    return getattr(inner, "strerror", None) or type(inner).__name__


def endpoint_of(url: str) -> str:
    """`url` with the path at which collectors take spans, unless it has one. Raises InvalidSettings."""
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one:
        # Not quoted: it may have a password, in whatever place.
        raise InvalidSettings("otlp: expected a URL such as http://localhost:4318, found another text")
    return url if parts.path.strip("/") else parts._replace(path="/v1/traces").geturl()


def _shown(url: str) -> str:
    """`url` without an account, its password and a query, which may have a key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
