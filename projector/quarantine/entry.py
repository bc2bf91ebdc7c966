"""An entry of the quarantine, read back from what `projector.fold.entry.quarantined_fields` made of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from producer.wal import BY, SEQ
from projector.entry_id import milliseconds_of
from projector.fold.entry import MAX_FIELDS, QUARANTINED_BYTES


@dataclass(frozen=True, slots=True)
class QuarantinedField:
    """One field as it was written: `value` holds the first QUARANTINED_BYTES at most of its `length` bytes."""

    name: bytes
    value: bytes
    length: int

    @property
    def is_cut(self) -> bool:
        return self.length > len(self.value)


@dataclass(frozen=True, slots=True)
class QuarantinedEntry:
    """A WAL entry that could not be folded: its id in the log, the reason, and its fields in order, with repetitions.

    `more_fields` is how many more fields the entry had.
    """

    entry_id: str
    reason: str
    fields: tuple[QuarantinedField, ...]
    more_fields: int

    @classmethod
    def of_stream(cls, entry_id: bytes, raw: list[bytes]) -> QuarantinedEntry:
        """From the entry of the stream: its id, and its fields alternately names and values."""
        pairs = deque(zip(raw[0::2], raw[1::2], strict=True))
        reason = "none is given: this was not written by the projector"
        if pairs and pairs[0][0] == b"reason":
            reason = pairs.popleft()[1].decode("utf-8", "backslashreplace")
        more = 0
        # The fold writes `more_fields` behind MAX_FIELDS others; a field of the entry's own stands before.
        if len(pairs) > MAX_FIELDS and pairs[-1][0] == b"more_fields" and pairs[-1][1].isdigit():
            more = int(pairs.pop()[1])
        return cls(entry_id.decode(), reason, tuple(_fields(pairs)), more)

    @property
    def at(self) -> int:
        """When the entry was appended to the log, epoch ms."""
        return milliseconds_of(self.entry_id)

    @property
    def by(self) -> str | None:
        """The producer that wrote the entry; None if the entry does not tell."""
        return self._text(BY)

    @property
    def seq(self) -> str | None:
        """The number that the producer gave the entry; any text, because the number may be why it was set aside."""
        return self._text(SEQ)

    def values(self, name: bytes) -> list[QuarantinedField]:
        """The fields called `name`, of which there should be one."""
        return [field for field in self.fields if field.name == name]

    def _text(self, name: bytes) -> str | None:
        found = self.values(name)
        return found[0].value.decode("utf-8", "backslashreplace") if found else None


def _fields(pairs: deque[tuple[bytes, bytes]]) -> Iterator[QuarantinedField]:
    while pairs:
        name, value = pairs.popleft()
        length = len(value)
        # The fold writes its length behind a value that was cut.
        if length == QUARANTINED_BYTES and pairs and pairs[0][0] == name + b":length" and pairs[0][1].isdigit():
            length = int(pairs.popleft()[1])
        yield QuarantinedField(name, value, length)
