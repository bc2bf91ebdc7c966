"""The routes of the API, made from its table."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import cache

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from producer.errors import WalError
from projector.query.arguments import Progress
from projector.web.api.events import EventStream
from projector.web.api.feed import Feeds
from projector.web.api.openapi import description, parameters_of
from projector.web.api.parameters import arguments_of
from projector.web.api.problem import problem_of
from projector.web.api.resources import RESOURCES, Resource, Visit
from projector.web.site import Site

ROOT = "/api/v1"
_MEDIA = {"json": "application/json", "csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
_Endpoint = Callable[[Request], Awaitable[ASGIApp]]


def api_routes(site: Site) -> list[Route]:
    """Each answers GET and HEAD, by the document of its command, or a problem."""
    feeds = Feeds()
    described = cache(description)

    async def events(request: Request) -> ASGIApp:
        return EventStream(request, site, feeds)

    async def openapi(_: Request) -> Response:
        text = await site.limits.answer(lambda _: described(site.settings.prefix))
        return Response(text, media_type=_MEDIA["json"])

    async def unknown(request: Request) -> Response:
        raise HTTPException(404, f"there is no {request.url.path}; what there is: {ROOT}/openapi.json")

    routes: list[tuple[str, _Endpoint]] = [(each.path, _endpoint(each, site)) for each in RESOURCES]
    routes += [("events", events), ("openapi.json", openapi), ("{path:path}", unknown)]
    return [_route(f"{ROOT}/{path}", _told(endpoint)) for path, endpoint in routes]


def _route(path: str, endpoint: _Endpoint) -> Route:
    """All of a name in a path counts, as it was recorded: for Starlette it has no line feed, and ends before one."""
    route = Route(path, endpoint, methods=["GET"])
    route.path_regex = re.compile(rf"{route.path_regex.pattern.removesuffix('$')}\Z", re.DOTALL)
    return route


def _endpoint(resource: Resource, site: Site) -> _Endpoint:
    parameters = parameters_of(resource)

    async def endpoint(request: Request) -> Response:
        asked = arguments_of(request.query_params.multi_items(), parameters, datetime.now().astimezone())
        query, names = site.query_of(request), site.names_of(request)
        if not all(request.path_params.values()):
            raise HTTPException(404, f"{request.url.path} names nothing")
        form = asked.get("format", "json")

        def work(progress: Progress) -> bytes:
            progress(0, 1)
            visit = Visit(
                query=query,
                asked=asked,
                names=request.path_params,
                url=site.settings.url,
                namespaces=names,
                progress=progress,
            )
            found = resource.answer(visit)
            text = found.json if form == "json" else "".join(found.csv() if form == "csv" else found.lines())
            return text.encode("utf-8", "backslashreplace")

        try:
            body = await site.limits.answer(work)
        except WalError as error:
            return problem_of(error, names_one=resource.names_one)
        headers = {"Cache-Control": "no-store"}
        if asked.get("download"):
            name = resource.path.partition("/")[0]
            headers["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
        response = Response(body, headers=headers)
        response.headers["Content-Type"] = _MEDIA[form]
        return response

    return endpoint


def _told(endpoint: _Endpoint) -> _Endpoint:
    """What goes wrong is told by a problem document."""

    async def telling(request: Request) -> ASGIApp:
        try:
            return await endpoint(request)
        except (WalError, HTTPException) as error:
            return problem_of(error)

    return telling
