"""An answer for programs: the bytes that `--json`, `--jsonl` and `--format csv` print, and the web's API sends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from producer.text.document import json_text
from producer.text.moment import iso_of

if TYPE_CHECKING:
    from projector.query import Records

_TIMES = ("timestamp", "started_at", "start", "last_at", "entry_id")
"""The field from which a record has its `at`: the first that it has of these."""


def _as_it_is(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Answer:
    """A `document`, and its `rows` if it has any, which are dataclasses `of` one kind or else dictionaries."""

    document: Any
    rows: Iterable[Any] = ()
    of: type | None = None

    @classmethod
    def of_records(cls, records: Records[Any], of: type | None) -> Answer:
        return cls(listed(records), records, of)

    @property
    def json(self) -> str:
        """The document."""
        return json_text(plain(self.document)) + "\n"

    def lines(self) -> Iterator[str]:
        """Each row as a JSON object in a line."""
        return (json.dumps(plain(row)) + "\n" for row in self.rows)

    def csv(self, shown: Callable[[str], str] = _as_it_is) -> Iterator[str]:
        """Each row as CSV below a heading, its texts as `shown`."""
        from projector.export.formats import csv_line

        assert self.of is not None
        yield csv_line(_names_of(self.of))
        for row in self.rows:
            yield csv_line(_cell(value, shown) for value in plain(row).values())


def listed(records: Records[Any]) -> dict[str, Any]:
    """The envelope of `records`: whether they are complete, and since when they are whole."""
    return {"complete": records.complete, "since": records.since, "records": list(records)}


def plain(value: Any) -> Any:
    """`value` in plain types for programs. Beside the time of a record stands the same as `at`: ISO 8601, UTC."""
    if is_dataclass(value):
        return {name: plain(getattr(value, name)) for name in _names_of(type(value))}
    if isinstance(value, datetime):
        return iso_of(value)
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def _names_of(kind: type) -> list[str]:
    names = [field.name for field in fields(kind)]
    time = next((name for name in _TIMES if name in names), None)
    if time and isinstance(getattr(kind, "at", None), property):
        names.insert(names.index(time) + 1, "at")
    return names


def _cell(value: Any, shown: Callable[[str], str]) -> Any:
    """As in JSON, but texts and numbers as they are, and nothing for what is not there."""
    if isinstance(value, str):
        return shown(value)
    return json.dumps(value) if isinstance(value, bool | dict | list) else value
