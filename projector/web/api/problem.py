"""What went wrong, as a problem document (RFC 9457)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from projector.answers.parameter import WrongParameter
from projector.errors import (
    ArchiveUnavailable,
    Damaged,
    InvalidQuery,
    ProjectorError,
    ServerRefused,
    ServerUnavailable,
    TooManyStreams,
    TooMuchWork,
)

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
_OPTION = re.compile(r"--(?=since|action)")


def problem(status: int, title: str, detail: str, headers: Mapping[str, str] | None = None, **more: str) -> Response:
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    text = json.dumps(document, indent=2) + "\n"
    return Response(text, status, {"Cache-Control": "no-store", **(headers or {})}, MEDIA)


def problem_of(error: Exception, *, names_one: bool = False) -> Response:
    """The answer to a request that ended in `error`. `names_one`: the request names one thing by its id, which is not
    there if nothing else is said."""
    told = str(error)
    match error:
        case WrongParameter():
            return problem(400, "Wrong parameter", _OPTION.sub("", error.told), parameter=error.name)
        case InvalidQuery():
            name, _, detail = told.partition(": ")
            return problem(400, "Wrong parameter", detail, parameter=name)
        case HTTPException():
            return problem(error.status_code, HTTPStatus(error.status_code).phrase, error.detail, error.headers)
        case TooManyStreams():
            return problem(429, "Too many streams", told, _AGAIN)
        case TooMuchWork():
            return problem(503, "Too much work", told, _AGAIN)
        case ServerUnavailable():
            return problem(503, "The server of the log is away", told, _AGAIN)
        case ArchiveUnavailable():
            return problem(503, "The archive is away", told, _AGAIN)
        case ServerRefused():
            return problem(502, "The server of the log refuses", told)
        case Damaged():
            return problem(500, "Damaged", told)
        case ProjectorError() if names_one and type(error) is ProjectorError:
            return problem(404, "Not found", told)
    return problem(500, "No answer", told)
