"""A proxy of HTTP, such as stands in front of a page that is at a path of a larger site."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_PASSED_ON = ("Host", "Accept")


@contextmanager
def in_front_of(address: str, prefix: str, *, strip: bool) -> Iterator[str]:
    """Passes paths that begin with `prefix` to the server at `address`, with the prefix or without, and nothing else.
    Gives the URL of what it passes on."""
    target = urlsplit(address)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not f"{self.path}/".startswith((f"{prefix}/", f"{prefix}?")):
                self.send_error(404)
                return
            path = (self.path.removeprefix(prefix) or "/") if strip else self.path
            link = http.client.HTTPConnection(str(target.hostname), target.port, timeout=60)
            headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
            link.request("GET", path, headers=headers)
            answer = link.getresponse()
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "transfer-encoding"):
                    self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):  # a browser leaves a stream when it likes
                while piece := answer.read1():
                    self.wfile.write(piece)
            link.close()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{prefix}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
