"""JSON texts as serde_json writes them, and the checksum that the Rust engine makes of that."""

from __future__ import annotations

import json
import re
import zlib

_STRING_OR_BLANKS = re.compile(r'"(?:[^"\\]|\\.)*"|[ \t\r\n]+')
_DECODER = json.JSONDecoder(parse_constant=lambda name: _refuse(name))


def compact(text: str) -> str:
    """The JSON `text` without blanks, each string escaped as serde_json does; all else unchanged.

    serde_json escapes the quote, the backslash and control characters below U+0020 (`\\b \\f \\n \\r \\t`, the others
    as `\\u001f`), and nothing else: so does json.dumps. Numbers keep their digits and fields their order, which
    decoding and encoding again would not promise.
    """
    return _STRING_OR_BLANKS.sub(_rewritten, text)


def members_of(text: str) -> dict[str, str]:
    """The members of the compact JSON object `text`, each value as its text.

    Raises ValueError if `text` is no JSON object or has a member twice.
    """
    members: dict[str, str] = {}
    at, closed = 1, text == "{}"
    if not closed and not text.startswith('{"'):
        raise ValueError("no JSON object")
    while not closed:
        name, at = _DECODER.raw_decode(text, at)
        if not isinstance(name, str) or name in members or text[at : at + 1] != ":":
            raise ValueError("no JSON object, or a member twice")
        start = at + 1
        _, at = _DECODER.raw_decode(text, start)
        members[name] = text[start:at]
        closed = text[at:] == "}"
        if not closed and text[at : at + 2] != ',"':
            raise ValueError("no JSON object")
        at += 1
    return members


def checksum_of(raw: bytes) -> int:
    """CRC-32/ISO-HDLC, which zlib's is."""
    return zlib.crc32(raw)


def _rewritten(found: re.Match[str]) -> str:
    token = found[0]
    if token[0] != '"':
        return ""
    return token if "\\" not in token else json.dumps(json.loads(token), ensure_ascii=False)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
