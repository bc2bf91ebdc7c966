"""What came of one of several namespaces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from producer.errors import WalError
from projector.errors import TooMuchWork

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[_T]):
    """What was `found` about a namespace; or the `error` that kept a command from it."""

    namespace: str
    found: _T | None = None
    error: WalError | OSError | None = None

    @classmethod
    def of(cls, namespace: str, act: Callable[[str], _T]) -> Outcome[_T]:
        """Of `act(namespace)`. What ends the whole command, and is not about the namespace, is raised."""
        try:
            return cls(namespace, act(namespace))
        except (WalError, OSError) as error:
            if isinstance(error, BrokenPipeError | TooMuchWork):
                raise
            return cls(namespace, error=error)

    def document(self, name: str) -> dict[str, Any]:
        """As a part of a document of several namespaces: what was found as the document `name` has it."""
        if self.error:
            return {"namespace": self.namespace, "error": str(self.error)}
        from projector.documents import document

        return {"namespace": self.namespace, **document(name, self.found)}
