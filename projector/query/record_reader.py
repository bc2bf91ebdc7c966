"""The projection's JSON, parsed by pydantic into records. JSON that is no record raises Damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from projector.query.damage import damaged
from projector.records import ActionExecutionRecord, CleanupRecord, InFlightRecord

_R = TypeVar("_R", bound=ActionExecutionRecord | CleanupRecord | InFlightRecord)


class RecordReader(Generic[_R]):
    """Reads the JSON of one kind of record. Every field has to be there, of its type; unknown fields are ignored."""

    def __init__(self, kind: type[_R]) -> None:
        self._name = kind.__name__
        self._adapter = TypeAdapter(kind)

    def read(self, raw: bytes, key: bytes) -> _R:
        try:
            return self._adapter.validate_json(raw, strict=True)
        except ValidationError as error:
            (first, *_) = error.errors(include_url=False, include_input=False)
            field = "".join(f" with a wrong {name}" for name in first["loc"])
            raise damaged(key, f"a {self._name}{field}" if field else f"no {self._name}") from error

    def first(self, limit: int, raws: Iterable[bytes], key: bytes, *, wanted: Callable[[_R], bool]) -> list[_R]:
        """The first `limit` records that are wanted. No more are parsed than that takes."""
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
