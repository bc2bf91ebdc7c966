"""The web application put together: pages, the API, what is live, static files, and the gate in front of all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from producer.errors import WalError
from projector.errors import TooManyStreams
from projector.web.access.access import Access
from projector.web.access.guard import Guard
from projector.web.answering import Pages
from projector.web.api.routes import api_routes
from projector.web.monitoring import monitoring_routes
from projector.web.page.page import Page
from projector.web.pages.action import action
from projector.web.pages.actions import actions
from projector.web.pages.cleanups import cleanups, trail
from projector.web.pages.ended import failures, runs, shows_kinds
from projector.web.pages.health import health
from projector.web.pages.in_flight import in_flight
from projector.web.pages.log import log
from projector.web.pages.namespaces import namespaces
from projector.web.pages.overview import overview
from projector.web.pages.run import run
from projector.web.site import Settings, Site

PAGES = (
    Page(
        path="/",
        title="Overview",
        template="overview.html",
        fill=overview,
        needs_actions=True,
        needs_running=True,
        needs_kinds=lambda _: True,
    ),
    Page(path="/actions", title="Actions", template="actions.html", fill=actions, needs_actions=True),
    Page(path="/action", title="Action", template="action.html", fill=action, hidden=True),
    Page(path="/runs", title="Runs", template="runs.html", fill=runs),
    Page(path="/run", title="Run", template="run.html", fill=run, hidden=True),
    Page(path="/failures", title="Failures", template="failures.html", fill=failures, needs_kinds=shows_kinds),
    Page(path="/in-flight", title="In flight", template="in_flight.html", fill=in_flight, needs_running=True),
    Page(path="/cleanups", title="Cleanups", template="cleanups.html", fill=cleanups),
    Page(path="/trail", title="Trail", template="trail.html", fill=trail),
    Page(path="/log", title="Log", template="log.html", fill=log),
    Page(path="/health", title="Health", template="health.html", fill=health, needs_doctor=True),
    Page(path="/namespaces", title="Namespaces", template="namespaces.html", fill=namespaces),
)


class Application:
    """The ASGI application. Raises UnusableServer for a bad URL or name; sends nothing before it is started."""

    def __init__(self, settings: Settings, access: Access) -> None:
        self._site = site = Site(settings)
        pages = Pages(site, PAGES)
        app = Starlette(
            routes=[
                *(Route(page.path, partial(pages.answer, page)) for page in PAGES),
                Route("/live", self._live),
                *api_routes(site),
                *monitoring_routes(site),
                Mount("/static", StaticFiles(directory=Path(__file__).with_name("static"))),
            ],
            exception_handlers={404: _not_there, WalError: _no_answer, Exception: _broken},
            lifespan=self._lifespan,
        )
        app.router.redirect_slashes = False  # a redirection names a scheme, and a proxy's may be another
        self._guarded = Guard(app, access, settings.prefix)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._guarded(scope, receive, send)

    async def end(self) -> None:
        """End the streams, so that the server can end."""
        await self._site.end()

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        await self._site.open()
        yield
        await self._site.close()

    async def _live(self, request: Request) -> ASGIApp:
        """The pulse, as server-sent events."""
        site, client, head = self._site, request.state.client, {"X-Accel-Buffering": "no"}
        if request.method == "HEAD":
            return Response(headers=head, media_type="text/event-stream")
        stream = StreamingResponse(site.pulse.events(), media_type="text/event-stream", headers=head)

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                with site.streams.of(client):
                    await stream(scope, receive, send)
            except TooManyStreams as error:  # before anything was sent
                await PlainTextResponse(f"{error}\n", 429, {"Retry-After": "10"})(scope, receive, send)

        return answer


def _no_answer(_: Request, error: Exception) -> Response:
    return PlainTextResponse(f"{error}\n", 503, {"Retry-After": "5"})


def _broken(_: Request, error: Exception) -> Response:
    return PlainTextResponse(f"a fault of this page: {type(error).__name__}; its server tells more\n", 500)


def _not_there(request: Request, _: Exception) -> Response:
    there_are = " ".join(page.path for page in PAGES if not page.hidden)
    return PlainTextResponse(f"there is no page {request.url.path!r}; there are: {there_are}\n", 404)
