"""What an error means in HTTP, for pages and API alike: as the status of an answer, and as an event of a stream."""

from __future__ import annotations

from http import HTTPStatus

from starlette.exceptions import HTTPException

from projector.answers.parameter import WrongParameter
from projector.errors import (
    ArchiveUnavailable,
    ConfigMismatch,
    Damaged,
    InvalidQuery,
    ProjectorError,
    ServerRefused,
    ServerUnavailable,
    Superseded,
    TooManyStreams,
    TooMuchWork,
)

_NO_ANSWER = 500, "No answer"
_MEANT: tuple[tuple[tuple[type[Exception], ...], tuple[int, str]], ...] = (
    ((WrongParameter, InvalidQuery), (400, "Wrong parameter")),
    ((TooManyStreams,), (429, "Too many streams")),
    ((TooMuchWork,), (503, "Too much work")),
    ((ServerUnavailable,), (503, "The server of the log is away")),
    ((ArchiveUnavailable,), (503, "The archive is away")),
    ((ServerRefused,), (502, "The server of the log refuses")),
    ((Damaged,), (500, "Damaged")),
    ((ConfigMismatch, Superseded), _NO_ANSWER),
)


def status_of(error: Exception, *, names_one: bool = False) -> tuple[int, str]:
    """The status, and what it means here. `names_one`: the request names one thing, which is not there if the error
    is a ProjectorError of no more special kind."""
    if isinstance(error, HTTPException):
        return error.status_code, HTTPStatus(error.status_code).phrase
    for kinds, meant in _MEANT:
        if isinstance(error, kinds):
            return meant
    return (404, "Not Found") if names_one and isinstance(error, ProjectorError) else _NO_ANSWER


def away(why: object) -> str:
    """The server-sent event that tells why the log cannot be read at the moment."""
    return f"event: away\ndata: {' '.join(str(why).split())}\n\n"
