"""What a question is: a generator that yields requests, is sent the replies, and returns its answer.

`Query` and `AsyncQuery` send the requests. A request that fails raises its ProjectorError where it was yielded.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from producer.log import Call
from projector.connection.exchange import Command


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
