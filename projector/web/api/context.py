"""What the API needs of the site that it is part of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from starlette.requests import Request

from projector.query import AsyncQuery, Query
from projector.query.arguments import Progress

_T = TypeVar("_T")


class Streams(Protocol):
    """Bounds how many streams there are."""

    def of(self, client: str, /) -> AbstractContextManager[None]:
        """Counts a stream while the body runs. Raises TooManyStreams."""


class Settings(Protocol):
    """All paths begin with `prefix`."""

    @property
    def prefix(self) -> str: ...


class Context(Protocol):
    """`url` is the server of the log. `query_of`, `async_query_of` and `names_of` (names and globs) are about those
    namespaces that a request names by `namespace`, or else all that are served; they raise HTTPException for others.
    `answer` runs work in a thread, with bounds. `ending` is set when the server ends."""

    @property
    def url(self) -> str: ...

    @property
    def settings(self) -> Settings: ...

    @property
    def streams(self) -> Streams: ...

    @property
    def ending(self) -> asyncio.Event: ...

    def query_of(self, request: Request, /) -> Query: ...

    def async_query_of(self, request: Request, /) -> AsyncQuery: ...

    def names_of(self, request: Request, /) -> Sequence[str]: ...

    async def answer(self, request: Request, work: Callable[[Progress], _T], /) -> _T: ...
