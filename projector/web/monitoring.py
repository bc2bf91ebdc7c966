"""What monitoring systems and supervisors ask the page for: /metrics, /livez, /readyz."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from producer.text.extra import needing
from projector.errors import ProjectorError
from projector.metrics.health import Readiness, readiness
from projector.web.cache import Cache
from projector.web.site import Site

_SECONDS = 1.0
"""For so long an answer is good for all who ask, which may be anybody."""


def monitoring_routes(site: Site) -> list[Route]:
    """The metrics are those of all namespaces of the site."""
    try:
        with needing("/metrics", "metrics", ProjectorError):
            from projector.metrics.exposition import Exposition
    except ProjectorError as error:
        exposition, lack = None, f"{error}\n"
    else:
        exposition, lack = Exposition(site.query), ""

    shared: Cache[Readiness] = Cache()

    async def metrics(request: Request) -> Response:
        if exposition is None:
            return PlainTextResponse(lack, 501)
        accept = request.headers.get("accept", "")
        body, kind = await site.limits.answer(lambda _: exposition.scrape(accept))
        return Response(body, headers={"Content-Type": kind})

    async def alive(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def ready(request: Request) -> Response:
        """Why it is not is told to those who may look."""
        found = await shared.get(
            "", lambda: site.limits.answer(lambda _: readiness(site.query)), fresh=_SECONDS, oldest=0, share=0
        )
        reasons = "".join(f"{reason}\n" for reason in found.reasons) if request.state.admitted else ""
        return PlainTextResponse(reasons or ("ok\n" if found.ready else "not ready\n"), 200 if found.ready else 503)

    return [Route("/metrics", metrics), Route("/livez", alive), Route("/readyz", ready)]
