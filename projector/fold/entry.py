"""Reading an entry of the log: its producer and number, and its operation or the reason why it has none."""

import re

from msgspec import Struct

from producer.errors import UndecodableOperation
from producer.operations import NAME_BYTES, Operation, decode
from producer.wal import ACKED, BY, OP, RETRY_OF, SEQ

MAX_FIELDS = 100
QUARANTINED_BYTES = 4096
"""How much of each field's name and value the quarantine keeps."""

_OUR_NAMES = [OP, BY, SEQ, ACKED]
_DIGITS = 16
_ZERO = ord("0")
_ENTRY_ID = re.compile(rb"[0-9]{1,20}-[0-9]{1,20}\Z")


class Entry(Struct, frozen=True, gc=False):
    """An entry has either an `operation` or a `rejection`, the reason why it has none. `by` is None if it names no
    producer. `fields` are names and values alternately, as they were read.
    """

    id: str
    by: str | None
    seq: int
    acked: int
    retry_of: str | None
    operation: Operation | None
    rejection: str | None
    fields: list[bytes]


def read_entry(entry_id: bytes, fields: list[bytes]) -> Entry:
    """The entry `entry_id` with `fields`, names and values alternately. Raises for no content of an entry."""
    names = fields[0::2]
    if names != _OUR_NAMES:
        if len(names) > MAX_FIELDS:
            return _rejected(
                entry_id, fields, f"expected at most {MAX_FIELDS} fields in an entry, found {len(names)}"
            )
        if len(set(names)) < len(names):
            return _rejected(entry_id, fields, "expected each field of an entry once, found one repeated")
        found = dict(zip(names, fields[1::2], strict=True))
        raw, by, seq = found.get(OP), found.get(BY), found.get(SEQ)
        acked, retry_of = found.get(ACKED), found.get(RETRY_OF)
    else:  # as our producer writes them; the general way takes three times as long
        raw, by, seq, acked = fields[1::2]
        retry_of = None
    fault = _fault_of_identity(by, seq, acked, retry_of)
    if fault is not None:
        return _rejected(entry_id, fields, fault)
    operation, rejection = None, None
    if raw is None:
        rejection = "expected a field op with an operation in JSON, found none"
    else:
        try:
            operation = decode(raw)
        except UndecodableOperation as error:
            rejection = str(error)
    return Entry(
        entry_id.decode(),
        None if by is None else by.decode(),
        0 if seq is None else int(seq),
        0 if acked is None else int(acked),
        None if retry_of is None else retry_of.decode(),
        operation,
        rejection,
        fields,
    )


def _rejected(entry_id: bytes, fields: list[bytes], reason: str) -> Entry:
    return Entry(entry_id.decode(), None, 0, 0, None, None, reason, fields)


def _fault_of_identity(
    by: bytes | None, seq: bytes | None, acked: bytes | None, retry_of: bytes | None
) -> str | None:
    if by is None or seq is None:
        if by is None and seq is None and acked is None:
            if retry_of is None or _ENTRY_ID.match(retry_of):
                return None
            return "retry_of: expected an entry id, <milliseconds>-<number>"
        present = "by" if by is not None else "seq" if seq is not None else "acked"
        return f"expected by and seq both or neither, found only {present}"
    if not 1 <= len(by) <= NAME_BYTES:
        return f"by: expected 1 to {NAME_BYTES} bytes, found {len(by)}"
    if not by.isascii():
        try:
            by.decode()
        except UnicodeDecodeError:
            return "by: expected UTF-8, found other bytes"
    # No regular expression, because every entry has these two fields.
    if not seq.isdigit() or len(seq) > _DIGITS or seq[0] == _ZERO:
        return f"seq: expected a number from 1 with at most {_DIGITS} digits"
    if acked is not None and acked != b"0" and (not acked.isdigit() or len(acked) > _DIGITS or acked[0] == _ZERO):
        return f"acked: expected a number from 0 with at most {_DIGITS} digits"
    if retry_of is not None:
        return "expected retry_of without by and seq, found both"
    return None


def quarantined_fields(reason: str, fields: list[bytes]) -> list[bytes]:
    """The fields that the quarantine keeps: the reason, then each of `fields`, cut to QUARANTINED_BYTES; behind a
    value that was cut stands its length. Of more than MAX_FIELDS fields it keeps the first, and `more_fields` counts
    the others.
    """
    kept = [b"reason", reason.encode()]
    for name, value in zip(fields[0 : 2 * MAX_FIELDS : 2], fields[1 : 2 * MAX_FIELDS : 2], strict=True):
        short = name[:QUARANTINED_BYTES]
        kept += [short, value[:QUARANTINED_BYTES]]
        if len(value) > QUARANTINED_BYTES:
            kept += [short + b":length", b"%d" % len(value)]
    more = len(fields) // 2 - MAX_FIELDS
    if more > 0:
        kept += [b"more_fields", b"%d" % more]
    return kept
