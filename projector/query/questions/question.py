"""What a question is: a generator that yields requests, is sent the replies, and returns its answer.

A question is about one namespace. An inquiry is about all that are meant: it yields what makes a question of a
namespace, is sent the answers, and merges them. `Query` and `AsyncQuery` send the requests. A request that fails
raises its ProjectorError where it was yielded.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from producer.log import Call
from projector.connection.exchange import Command
from projector.keys import Keys


class _Commands:
    __match_args__ = __slots__ = ("commands",)

    def __init__(self, *commands: Command) -> None:
        self.commands = commands


class AtOneInstant(_Commands):
    """Asks for the replies to the commands, all from one instant."""


class Each(_Commands):
    """Asks for the replies to the commands, each from an instant of its own: in a round trip for a thousand."""


@dataclass(frozen=True, slots=True)
class Blocking:
    """Asks for what `work` returns. It may take long, read files, and send commands by the `call` that it is given.

    `AsyncQuery` lets it run in a thread.
    """

    work: Callable[[Call], Any]


Request = AtOneInstant | Each | Blocking

_T = TypeVar("_T")

Question = Generator[Request, Any, _T]

QuestionOf = Callable[[Keys], Question[_T] | None]
"""The question about the namespace that has these keys; None if it is not asked anything."""

Inquiry = Generator[QuestionOf[Any], Any, _T]
"""It is sent the answers by the names of the namespaces, in their order."""


def each(question_of: QuestionOf[_T]) -> Inquiry[dict[str, _T]]:
    """The answers by namespace."""
    answers: dict[str, _T] = yield question_of
    return answers


def ask(namespace: str, question_of: Callable[[Keys], Question[_T]]) -> Inquiry[_T]:
    """The answer of one namespace."""
    answers = yield from each(lambda keys: question_of(keys) if keys.namespace == namespace else None)
    return answers[namespace]


def all_keys() -> Inquiry[list[Keys]]:
    """The keys of each namespace; nothing is sent to know them, once the namespaces are found."""
    return list((yield from each(_itself)).values())


def _itself(keys: Keys) -> Question[Keys]:
    yield from ()
    return keys
