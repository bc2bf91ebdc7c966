"""A collector of spans that listens on a port of its own, and keeps what it is sent by OTLP over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.servers import eventually, free_port


class Collector:
    """What was `asked` (the path and how many spans), and the `spans` of the requests that it took."""

    def __init__(self) -> None:
        self.port = free_port()
        self.most = 1000
        """A request with more spans is refused, as too large."""
        self.rejected = 0
        """So many spans of each request it says it left out."""
        self.asked: list[tuple[str, int]] = []
        self.services: set[str] = set()
        self.spans: list[Span] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def listening(self) -> Iterator[None]:
        with ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self)) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            try:
                yield
            finally:
                server.shutdown()
                thread.join()

    def take(self, path: str, body: bytes) -> int:
        """The status of the answer to a request."""
        found = ExportTraceServiceRequest.FromString(body)
        spans = [span for of in found.resource_spans for scope in of.scope_spans for span in scope.spans]
        self.asked.append((path, len(spans)))
        if len(spans) > self.most:
            return 413
        for of in found.resource_spans:
            self.services |= {
                each.value.string_value for each in of.resource.attributes if each.key == "service.name"
            }
        self.spans += spans
        return 200

    def wait_for(self, count: int) -> list[Span]:
        """The spans, once there are so many."""
        eventually(lambda: len(self.spans) >= count, what=f"{count} spans, of which {len(self.spans)} came")
        return self.spans


def attributes(span: Span) -> dict[str, object]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value") or "") for each in span.attributes}


def _handler(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"  # no connection outlives the listener

        def do_POST(self) -> None:
            status = collector.take(self.path, self.rfile.read(int(self.headers["content-length"])))
            self.send_response(status)
            self.send_header("content-type", "application/x-protobuf")
            self.end_headers()
            answer = ExportTraceServiceResponse()
            if collector.rejected:
                answer.partial_success.rejected_spans = collector.rejected
                answer.partial_success.error_message = "too old"
            self.wfile.write(answer.SerializeToString())

        def log_message(self, *_: object) -> None:
            pass

    return Handler
