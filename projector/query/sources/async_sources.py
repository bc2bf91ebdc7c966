"""The namespaces that a query is about, for asyncio."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import redis.asyncio

from producer.connection.client import AsyncClient, where
from producer.log import Call
from producer.wal import wal_key
from projector.connection.asynchronous import AsyncReader, async_client_of
from projector.connection.exchange import drive_async
from projector.errors import ProjectorError, ServerUnavailable
from projector.keys import Keys
from projector.namespaces.finding import find
from projector.namespaces.readers import is_of_a_cluster
from projector.namespaces.wanted import Wanted
from projector.query.questions.question import AtOneInstant, Each, Inquiry, Question, QuestionOf, Request
from projector.query.sources.sources import AGAIN_SECONDS, FIND_SECONDS, told_of

_T = TypeVar("_T")

_AT_ONCE = 8
"""Namespaces that are asked at the same time: of so many connections one server has to know."""


@dataclass(frozen=True, slots=True)
class AsyncSource:
    """A namespace that was found."""

    keys: Keys
    reader: AsyncReader

    async def reply(self, request: Request) -> Any:
        match request:
            case AtOneInstant(commands):
                return await self.reader.at_one_instant(*commands)
            case Each(commands):
                return await self.reader.each(*commands)
            case _:
                return await asyncio.to_thread(request.work, _for_threads(self.reader))


class AsyncSources:
    """`Sources` for the tasks of one event loop."""

    def __init__(
        self,
        target: str | AsyncClient | None,
        wanted: Wanted,
        *,
        timeout: float,
        password_file: str | os.PathLike[str] | None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._target = target
        self._wanted = wanted
        self._options: dict[str, Any] = {"timeout": timeout, "password_file": password_file}
        self._monotonic = monotonic
        self._first, self._owned = async_client_of(target, wanted.first, **self._options)
        self._clients = {wanted.first: self._first}
        self._lock = asyncio.Lock()
        self._found: list[AsyncSource] = []
        self._due: float | None = None

    @property
    def where(self) -> str:
        return where(self._first)

    @property
    def together(self) -> bool:
        """As that of `Sources`."""
        return not (isinstance(self._first, redis.asyncio.RedisCluster) or is_of_a_cluster(self._first))

    async def ask(self, inquiry: Inquiry[_T]) -> _T:
        """Raises what a question raises; of several the error names the namespace."""
        found: list[AsyncSource] = []

        async def answers(question_of: QuestionOf[Any]) -> dict[str, Any]:
            found[:] = found or await self.found()
            questions = ((source, question_of(source.keys)) for source in found)
            asked = [(source, question) for source, question in questions if question is not None]
            if len(asked) == 1:
                ((source, question),) = asked
                return {source.keys.namespace: await self._answer(source, question, alone=len(found) == 1)}
            return await self._answers(asked)

        return await drive_async(inquiry, answers)

    async def found(self) -> list[AsyncSource]:
        """The namespaces, in the order of their names."""
        async with self._lock:
            if self._due is None or self._monotonic() >= self._due:
                try:
                    names = await asyncio.to_thread(find, self._wanted, self._call_in_loop())
                except ServerUnavailable:  # the rest may answer, of those that are known
                    if self._due is None:
                        raise
                    self._due = self._monotonic() + AGAIN_SECONDS
                    return self._found
                known = {source.keys.namespace: source for source in self._found}
                self._found = [known.get(name) or AsyncSource(Keys(name), self._reader_of(name)) for name in names]
                self._due = self._monotonic() + FIND_SECONDS
            return self._found

    async def in_thread(self, work: Callable[[Callable[[str], Call]], _T]) -> _T:
        """What `work` returns, which is given the `call_of` of `Sources`."""
        return await asyncio.to_thread(work, self._call_in_loop())

    async def close(self) -> None:
        """Close the connections that were made here."""
        if self._owned:
            for client in self._clients.values():
                await client.aclose()

    def _call_in_loop(self) -> Callable[[str], Call]:
        loop = asyncio.get_running_loop()
        return lambda namespace: _call_by(self._reader_of(namespace), loop)

    async def _answers(self, asked: list[tuple[AsyncSource, Question[Any]]]) -> dict[str, Any]:
        free = asyncio.Semaphore(_AT_ONCE)

        async def answer(source: AsyncSource, question: Question[Any]) -> Any:
            async with free:
                return await self._answer(source, question, alone=False)

        found = await asyncio.gather(*(answer(*each) for each in asked), return_exceptions=True)
        for one in found:
            if isinstance(one, BaseException):
                raise one
        return {source.keys.namespace: one for (source, _), one in zip(asked, found, strict=True)}

    async def _answer(self, source: AsyncSource, question: Question[_T], *, alone: bool) -> _T:
        try:
            return await drive_async(question, source.reply)
        except ProjectorError as error:
            if not alone:
                told_of(error, source.keys.namespace)
            raise

    def _reader_of(self, namespace: str) -> AsyncReader:
        client = self._first
        if is_of_a_cluster(client):
            client = self._clients.get(namespace) or async_client_of(self._target, namespace, **self._options)[0]
            self._clients[namespace] = client
        return AsyncReader(client, wal_key(namespace).encode())


def _for_threads(reader: AsyncReader) -> Call:
    return _call_by(reader, asyncio.get_running_loop())


def _call_by(reader: AsyncReader, loop: asyncio.AbstractEventLoop) -> Call:
    """What sends one command, in a thread."""

    def call(*command: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(reader.call(*command), loop).result()

    return call
