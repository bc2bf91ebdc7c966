"""What went wrong, as a problem document (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from projector.answers.parameter import WrongParameter
from projector.errors import InvalidQuery
from projector.web.statuses import status_of

MEDIA = "application/problem+json"
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "What went wrong (RFC 9457): `detail` says what was expected and what was found; `parameter` "
    "which parameter is wrong, if one is.",
    "properties": {
        "type": {"const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "parameter": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail"],
    "additionalProperties": False,
}
_AGAIN = {"Retry-After": "5"}


def problem(status: int, title: str, detail: str, headers: Mapping[str, str] | None = None, **more: str) -> Response:
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    text = json.dumps(document, indent=2) + "\n"
    return Response(text, status, {"Cache-Control": "no-store", **(headers or {})}, MEDIA)


def problem_of(error: Exception, *, names_one: bool = False) -> Response:
    """The answer to a request that ended in `error`. `names_one`: the request names one thing by its id, which is not
    there if nothing else is said."""
    status, title = status_of(error, names_one=names_one)
    match error:
        case WrongParameter():
            return problem(status, title, error.told, parameter=error.name)
        case InvalidQuery():
            name, _, detail = str(error).partition(": ")
            return problem(status, title, detail, parameter=name)
        case HTTPException():
            return problem(status, title, error.detail, error.headers)
    return problem(status, title, str(error), _AGAIN if status in (429, 503) else None)
