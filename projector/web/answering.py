"""How a page is answered: asked for in a thread, filled, kept for a moment; and if it cannot be, why, in words."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from producer.errors import WalError
from projector.answers.parameter import WrongParameter
from projector.answers.wording.several import Several
from projector.errors import Damaged, TooMuchWork
from projector.metrics.health import with_cure
from projector.query import Status
from projector.query.arguments import Progress
from projector.query.remarks import at_rest, notice, why_nothing
from projector.web.page.asked import Asked
from projector.web.page.page import Page
from projector.web.page.templates import LONGEST, environment
from projector.web.site import Site
from projector.web.statuses import status_of

_T = TypeVar("_T")

_FEW = 1000
"""Entries that a projector folds in less than a second."""
_LARGEST = 4096
"""Bytes of a query string."""
_LARGEST_PAGE = 100_000
"""Bytes of a page, which cuts the texts of its lists for that."""


def _without_a_few(status: Status) -> Status:
    """That a few entries wait for an active projector is no trouble."""
    return status if status.lease_ttl_ms is None or (status.lag or 0) > _FEW else at_rest(status)


async def _or_damaged(asked: Awaitable[_T]) -> _T | Damaged:
    """What comes of it, or why it cannot be read: the rest of the page can."""
    try:
        return await asked
    except Damaged as error:
        return error


class Pages:
    """Answers requests for `pages` of `site`."""

    def __init__(self, site: Site, pages: Sequence[Page]) -> None:
        self._site = site
        self._pages = pages
        self._environment = environment()

    async def answer(self, page: Page, request: Request) -> Response:
        try:
            if len(request.url.query) > _LARGEST:
                raise WrongParameter("URL", f"expected at most {_LARGEST} bytes of arguments")
            key = page.path, request.url.query, self._site.pulse.number
            return HTMLResponse(await self._site.pages.get(key, lambda: self._made(page, request)))
        except (WalError, HTTPException) as error:
            return self._trouble(page, request, error)

    async def _made(self, page: Page, request: Request) -> bytes:
        """From what all pages share and, in a thread, from what this request asks."""
        site = self._site
        query = site.query_of(request)
        actions = await _or_damaged(site.actions(query)) if page.needs_actions else ()
        running = await _or_damaged(site.running(query)) if page.needs_running else ()
        kinds = await _or_damaged(site.kinds(query)) if page.needs_kinds(request.query_params) else ()
        examined = await site.examined(query) if page.needs_doctor else None
        known = await site.known()

        def filled(progress: Progress) -> bytes:
            statuses = query.statuses()
            several = Several.of(query.namespace, statuses, query.namespaces)
            calm = [_without_a_few(status) for status in statuses]
            asked = self._asked(
                page,
                request,
                query=query,
                progress=progress,
                statuses=statuses,
                remark=replace(several, statuses=calm).notice() if several else notice(calm[0]),
                found_actions=actions,
                found_kinds=kinds,
                found_running=running,
            )
            found = page.fill(asked) if examined is None else page.fill(asked, examined)

            def why(otherwise: str) -> str:
                return several.why_nothing(otherwise) if several else why_nothing(statuses[0], otherwise)

            rest = {"several": several is not None, "why": why, "known": known}
            return self._rendered(page.template, page, asked, {**rest, **found})

        return await site.limits.answer(filled)

    def _asked(self, page: Page, request: Request, **more: Any) -> Asked:
        settings = self._site.settings
        return Asked(
            path=page.path,
            arguments=request.query_params.multi_items(),
            now=self._site.now,
            prefix=settings.prefix,
            expected=settings.expected,
            **more,
        )

    def _rendered(self, template: str, page: Page, asked: Asked, found: dict[str, Any]) -> bytes:
        shared = {"page": page, "pages": self._pages, "asked": asked, "now": asked.now, "title": page.title}
        filled = self._environment.get_template(template)
        for longest in LONGEST:
            body = filled.render({**shared, "longest": longest, **found}).encode()
            if len(body) <= _LARGEST_PAGE:
                break
        return body

    def _trouble(self, page: Page, request: Request, error: Exception) -> Response:
        status, _ = status_of(error, names_one=page.hidden)
        text = error.detail if isinstance(error, HTTPException) else with_cure(error)
        asked = self._asked(page, request, query=self._site.query, progress=lambda *_: None)
        too_much = isinstance(error, TooMuchWork)
        found = {"text": text, "status": status, "too_much": too_much, "several": False, "known": []}
        body = self._rendered("trouble.html", page, asked, found)
        return HTMLResponse(body, status, {"Retry-After": "5"} if status == 503 else None)
