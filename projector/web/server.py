"""The HTTP server of the page: a socket of its own, and uvicorn, in this thread or beside it."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from producer.errors import InvalidSettings
from projector.web.access.access import Access
from projector.web.app import Application

_CONNECTIONS = 512
_STOP_SECONDS = 2
_STALLED_SECONDS = 15.0


class WebServer:
    """Listens from its construction on, and serves `app` while it runs.

    Raises InvalidSettings if it cannot listen there. Without `insist` another port is taken if that one is not free.
    """

    def __init__(self, app: Application, access: Access, *, prefix: str = "", insist: bool = True) -> None:
        self._socket = _listening(access.host, access.port, insist=insist)
        self._prefix = prefix
        config = uvicorn.Config(
            app,
            http=_Connection,
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
        self._server = _Server(config, app)
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """The URL of the page."""
        host, port = self._socket.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}{self._prefix}/"

    def run(self) -> None:
        """Serve until SIGINT or SIGTERM."""
        for signum in (signal.SIGINT, signal.SIGTERM):
            # uvicorn handles them while it runs, and raises them once more at its end, for whom it was not.
            signal.signal(signum, self._end)
        self._serve()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])

    def _end(self, *_: object) -> None:
        self._server.should_exit = True

    def __enter__(self) -> WebServer:
        """Serve beside this thread."""
        self._thread = threading.Thread(target=self._serve, name="page", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        assert self._thread is not None
        self._thread.join(_STOP_SECONDS + 1)


class _Connection(H11Protocol):
    """Is cut if its client stalls: asks nothing whole, or takes nothing of what it asked for, for so long."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._stood: tuple[RequestResponseCycle | None, int] | None = None
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        self._looking.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Also where an answer is under way: its body may be no HTTP, and uvicorn would answer a second time."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()

    def _look(self) -> None:
        stands = self.cycle, self.transport.get_write_buffer_size()
        asks_nothing = self.cycle is None or self.cycle.response_complete
        if stands == self._stood and (asks_nothing or stands[1]):
            self.transport.abort()
        self._stood = stands
        self._looking = self.loop.call_later(_STALLED_SECONDS, self._look)


class _Server(uvicorn.Server):
    """Ends the streams first, for which it would wait."""

    def __init__(self, config: uvicorn.Config, app: Application) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._app.end()
        await super().shutdown(sockets)


def _listening(host: str, port: int, *, insist: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=_CONNECTIONS)
    except OSError as error:
        if not insist:
            return _listening(host, 0, insist=True)
        raise InvalidSettings(
            f"cannot listen on {host} port {port}: {error.strerror}; name another: --listen"
        ) from error
    # Connections inherit it. Else a body would wait 40 ms for the client's word that it has the headers: asyncio sees
    # to that only for a socket that was made with the protocol's number.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening
