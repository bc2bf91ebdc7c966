"""The namespaces that a query is about, each with a reader; several share a client where one server has them all."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from producer.connection.client import Client, is_cluster, where
from producer.log import Call
from producer.wal import DEFAULT_NAMESPACE, namespace_tag
from projector.connection.exchange import drive
from projector.connection.reader import Reader
from projector.errors import InvalidQuery, ProjectorError, ServerUnavailable
from projector.keys import Keys
from projector.namespaces.finding import find
from projector.namespaces.readers import Readers, is_of_a_cluster
from projector.namespaces.wanted import Wanted
from projector.query.questions.question import AtOneInstant, Each, Inquiry, Question, QuestionOf, Request

_T = TypeVar("_T")

FIND_SECONDS = 30.0
"""After so long the namespaces are looked for anew: some may have appeared, and partitions."""
AGAIN_SECONDS = 1.0
"""After so long they are looked for again, if a node was away."""


def wanted_of(namespace: str, namespaces: Iterable[str] | None) -> tuple[Wanted, str]:
    """(what is meant by the arguments of a query, the same as text). Raises UnusableServer for a bad name."""
    if namespaces is None:
        namespace_tag(namespace)
        return Wanted.of([namespace]), namespace
    if namespace != DEFAULT_NAMESPACE:
        raise InvalidQuery("namespaces", "None, because a namespace is given", namespaces)
    if isinstance(namespaces, str | bytes):
        raise InvalidQuery("namespaces", "several names and globs", namespaces)
    texts = [*dict.fromkeys(namespaces)]
    if not all(isinstance(text, str) for text in texts):
        raise InvalidQuery("namespaces", "names and globs", texts)
    return Wanted.of(texts), ", ".join(texts)


def told_of(error: ProjectorError, namespace: str) -> None:
    """Have the error say where it happened, unless it does."""
    text = str(error)
    if namespace not in text and not isinstance(error, InvalidQuery):
        error.args = (f"namespace {namespace}: {text}",)


@dataclass(frozen=True, slots=True)
class Source:
    """A namespace that was found."""

    keys: Keys
    reader: Reader

    def reply(self, request: Request) -> Any:
        match request:
            case AtOneInstant(commands):
                return self.reader.at_one_instant(*commands)
            case Each(commands):
                return self.reader.each(*commands)
            case _:
                return request.work(self.reader.call)


class Sources:
    """The namespaces that are `wanted`, at `target`: a URL, a client, or None for `WAL_URL`. Nothing is sent on
    construction. Safe under threads."""

    def __init__(
        self,
        target: str | Client | None,
        wanted: Wanted,
        *,
        timeout: float,
        password_file: str | os.PathLike[str] | None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wanted = wanted
        self._monotonic = monotonic
        self._readers = Readers(target, wanted.first, timeout=timeout, password_file=password_file)
        self._lock = threading.Lock()
        self._found: list[Source] = []
        self._due: float | None = None

    @property
    def where(self) -> str:
        return where(self._readers.client)

    @property
    def together(self) -> bool:
        """Whether one command can be about several, as far as is known: no node has a part of them."""
        return not (is_cluster(self._readers.client) or is_of_a_cluster(self._readers.client))

    def ask(self, inquiry: Inquiry[_T]) -> _T:
        """Raises what a question raises; of several the error names the namespace."""
        found: list[Source] = []

        def answers(question_of: QuestionOf[Any]) -> dict[str, Any]:
            found[:] = found or self.found()
            asked = [(source, question_of(source.keys)) for source in found]
            return {
                source.keys.namespace: self._answer(source, question, alone=len(found) == 1)
                for source, question in asked
                if question is not None
            }

        return drive(inquiry, answers)

    def found(self) -> list[Source]:
        """The namespaces, in the order of their names."""
        with self._lock:
            if self._due is None or self._monotonic() >= self._due:
                try:
                    names = find(self._wanted, self.call_of)
                except ServerUnavailable:  # the rest may answer, of those that are known
                    if self._due is None:
                        raise
                    self._due = self._monotonic() + AGAIN_SECONDS
                    return self._found
                known = {source.keys.namespace: source for source in self._found}
                self._found = [known.get(name) or Source(Keys(name), self._readers.of(name)) for name in names]
                self._due = self._monotonic() + FIND_SECONDS
            return self._found

    def call_of(self, namespace: str) -> Call:
        """What sends a command to the node that has `namespace`."""
        return self._readers.call_of(namespace)

    def close(self) -> None:
        """Close the connections that were made here."""
        self._readers.close()

    def _answer(self, source: Source, question: Question[_T], *, alone: bool) -> _T:
        try:
            return drive(question, source.reply)
        except ProjectorError as error:
            if not alone:
                told_of(error, source.keys.namespace)
            raise
