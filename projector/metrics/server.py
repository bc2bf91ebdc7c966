"""The pages /metrics, /livez and /readyz of a process, by threads of its own. They can be read and nothing else."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

from projector.errors import ProjectorError

Page = Callable[[str], tuple[int, str, bytes]]
"""Gets the header Accept; gives the status, the content type and the body. It raises nothing that it foresees."""
TEXT = "text/plain; charset=utf-8"
_MOST = 32
"""Requests that are answered at a time; whoever comes then is turned away at once."""
_TIMEOUT_SECONDS = 10.0
_POLL_SECONDS = 0.2

_log = logging.getLogger("projector")


class PageServer(ThreadingMixIn, TCPServer):
    """Serves `pages` by their paths at `host` and `port` (0: any) between `start` and `stop`.

    Raises ProjectorError if it cannot listen there.
    """

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 32

    def __init__(self, host: str, port: int, pages: dict[str, Page]) -> None:
        self.pages = pages
        self._places = threading.Semaphore(_MOST)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            told = f"expected an address to listen at, found {host}:{port}: {reason}"
            raise ProjectorError(f"metrics: {told}") from error

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = str(self.server_address[0]), self.server_address[1]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def start(self) -> None:
        """Serve from now on."""
        threading.Thread(target=self.serve_forever, args=(_POLL_SECONDS,), name="metrics", daemon=True).start()

    def stop(self) -> None:
        """Serve no more."""
        self.shutdown()
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread could be started, which would have released the place
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - as it is overridden
        _log.debug("a request for metrics failed", exc_info=True)  # most often its sender has left


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    timeout = _TIMEOUT_SECONDS
    server_version, sys_version = "execution-wal", ""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        page = self.server.pages.get(path)
        if page is None:
            self._answer(404, TEXT, f"there are: {' '.join(self.server.pages)}\n".encode())
            return
        try:
            found = page(self.headers.get("Accept", ""))
        except Exception:  # noqa: BLE001 - logged whole, and the next request is served
            _log.exception("%s cannot be made: this is a bug, please report it", path)
            found = (500, TEXT, b"this is a bug; the projector's log says more\n")
        self._answer(*found)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: the log is the projector's."""
