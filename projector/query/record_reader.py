"""The projection's JSON made into records; what is none is Damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar, get_args, get_type_hints

import orjson

from projector.query.damage import damaged
from projector.records import ActionExecutionRecord, CleanupRecord, InFlightRecord

__all__ = ["CLEANUPS", "EXECUTIONS", "IN_FLIGHT", "RecordReader"]

_R = TypeVar("_R", bound=ActionExecutionRecord | CleanupRecord | InFlightRecord)


class RecordReader(Generic[_R]):
    """Reads the JSON of one kind of record. Every field must be there, of its type; fields unknown are ignored."""

    def __init__(self, kind: type[_R]) -> None:
        self._kind = kind
        self._types = {name: get_args(hint) or (hint,) for name, hint in get_type_hints(kind).items()}

    def read(self, raw: bytes, key: bytes) -> _R:
        try:
            found: dict[str, Any] = orjson.loads(raw)
            values = [found[name] for name in self._types]
        except (ValueError, TypeError, KeyError) as error:
            raise damaged(key, f"no {self._kind.__name__}") from error
        for value, (name, accepted) in zip(values, self._types.items(), strict=True):
            if type(value) not in accepted:
                raise damaged(key, f"a {self._kind.__name__} with a wrong {name}")
        return self._kind(*values)

    def first(self, limit: int, raws: Iterable[bytes], key: bytes, *, wanted: Callable[[_R], bool]) -> list[_R]:
        """The first `limit` that are wanted; no more than needed are parsed."""
        found: list[_R] = []
        for raw in raws:
            if len(found) == limit:
                break
            record = self.read(raw, key)
            if wanted(record):
                found.append(record)
        return found


EXECUTIONS = RecordReader(ActionExecutionRecord)
CLEANUPS = RecordReader(CleanupRecord)
IN_FLIGHT = RecordReader(InFlightRecord)
