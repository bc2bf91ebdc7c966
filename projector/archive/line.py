"""An entry of the log as a line of JSON, and back: jq and DuckDB read the line, and no byte of the entry is lost.

    {"id":"1700000000000-0","by":"host:42:ab","seq":7,"acked":6,"op":{"type":"cleanup_executed",…}}

`op` stands there byte for byte, and last. What these keys cannot give back exactly (other fields, another order,
repetitions, an `op` that is no JSON of one line) stands in `fields`: each name and value alternately, in base64.
"""

import re
from base64 import b64decode, b64encode
from contextlib import suppress
from typing import Any

import orjson

from producer.log import Entry
from producer.wal import ACKED, BY, OP, RETRY_OF, SEQ

_PRODUCERS_NAMES = [OP, BY, SEQ, ACKED]
_READABLE = (OP, BY, SEQ, ACKED, RETRY_OF)
_BEFORE_OP = b',"op":'
"""Its first occurrence in a line is the key: within a string the quotation marks are escaped."""

_plain = re.compile(rb"[ !#-\[\]-~]*").fullmatch
_number = re.compile(rb"0|[1-9][0-9]{0,15}").fullmatch


def line_of(entry: Entry) -> bytes:
    """The line, without its newline."""
    entry_id, fields = entry
    if fields[::2] == _PRODUCERS_NAMES:  # as our producer writes them; the general way takes four times as long
        op, by, seq, acked = fields[1::2]
        if _plain(by) and _number(seq) and _number(acked) and _is_json_line(op):
            return b'{"id":"%b","by":"%b","seq":%b,"acked":%b,"op":%b}' % (entry_id, by, seq, acked, op)
    line = _line(entry_id, fields)
    return line if entry_of(line) == (entry_id, fields) else _line(entry_id, fields, whole=True)


def entry_of(line: bytes) -> Entry:
    """The entry of which `line_of` made `line`. Raises ValueError for any other line."""
    head, has_op, rest = line.partition(_BEFORE_OP)
    found: dict[str, Any] = orjson.loads(head + b"}" if has_op else line)
    try:
        entry_id = found.pop("id").encode()
        packed = found.pop("fields", None)
        if packed is not None:
            return entry_id, [b64decode(text, validate=True) for text in packed]
        fields = [OP, rest.removesuffix(b"}")] if has_op else []
        for name, value in found.items():
            fields += [name.encode(), b"%d" % value if isinstance(value, int) else value.encode()]
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("expected the line of an entry, found other JSON") from error
    return entry_id, fields


def _line(entry_id: bytes, fields: list[bytes], *, whole: bool = False) -> bytes:
    """The line with what is readable of `fields`; if `whole`, with all of them in base64 besides."""
    found = dict(zip(fields[::2], fields[1::2], strict=True))
    values: dict[bytes, bytes] = {b"id": orjson.dumps(entry_id.decode())}
    for name in _READABLE[1:]:
        value = found.get(name)
        if value is None:
            continue
        if name not in (SEQ, ACKED):
            with suppress(UnicodeDecodeError):
                values[name] = orjson.dumps(value.decode())
        elif _number(value):
            values[name] = value
    if whole:
        values[b"fields"] = orjson.dumps([b64encode(field).decode() for field in fields])
    if OP in found and _is_json_line(found[OP]):
        values[OP] = found[OP]
    return b"{%b}" % b",".join(b'"%b":%b' % pair for pair in values.items())


def _is_json_line(raw: bytes) -> bool:
    if b"\n" in raw or b"\r" in raw:
        return False
    try:
        orjson.loads(raw)
    except ValueError:
        return False
    return True
