"""The gate in front of every page: method, host, secret; and the headers that tell a browser what a page may do."""

from __future__ import annotations

import logging

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from producer.errors import InvalidSettings
from projector.web.access.access import Access

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_log = logging.getLogger("projector")
OPEN_TO_ALL = ("/livez", "/readyz")
"""What a supervisor asks, which has no secret. They tell no more than yes or no to who has none."""


class Guard:
    """An ASGI application around `app`, which it calls for those who may look.

    All paths begin with `prefix`, whether or not a proxy has taken it off.
    """

    def __init__(self, app: ASGIApp, access: Access, prefix: str = "") -> None:
        self._app = app
        self._access = access
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        path = scope["path"]
        if self._prefix:
            rest = path.removeprefix(self._prefix) if f"{path}/".startswith(f"{self._prefix}/") else path
            scope = {**scope, "path": self._prefix + (rest or "/"), "root_path": self._prefix}
        refused = self._refusal(scope)
        await (refused or self._app)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer to who may not look; else None, and the scope says who it is."""
        headers = Headers(scope=scope)
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("this page only reads: expected GET or HEAD\n", 405, {"Allow": "GET, HEAD"})
        if not self._access.is_named(headers.get("host", "")):
            told = f"this page does not know the host {headers.get('host', '')!r}; name it with: --allow-host NAME\n"
            return PlainTextResponse(told, 421)
        header = self._access.proxy_header
        person = headers.get(header, "") if header else ""
        admitted = unreadable = False
        try:
            admitted = self._access.admits(headers.get("authorization", ""), person)
        except InvalidSettings as error:
            unreadable = True
            _log.error("%s", error)  # to those who run it, and to nobody who asks
        client = scope.get("client") or ("", 0)
        scope["state"] = {**scope.get("state", {}), "client": person or client[0], "admitted": admitted}
        if admitted or scope["path"].removeprefix(self._prefix) in OPEN_TO_ALL:
            return None
        if unreadable:
            return PlainTextResponse("this page cannot read its tokens, and its server says why\n", 500)
        if header and not (self._access.password or self._access.token_file):
            return PlainTextResponse(f"the proxy in front did not say who you are, by the header {header}\n", 403)
        realm = {"WWW-Authenticate": 'Basic realm="execution-wal", charset="UTF-8"'}
        return PlainTextResponse("expected the password, or a token of the token file\n", 401, realm)
