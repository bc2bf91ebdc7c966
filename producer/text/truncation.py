"""Texts of any origin made to fit: bytes that are no UTF-8 are replaced, long texts are cut, keeping their ends."""

from __future__ import annotations


def text_of(value: str | bytes) -> str:
    """`value` as a text that UTF-8 can carry: U+FFFD stands for undecodable bytes and lone surrogates."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if value.isascii():
        return value
    # surrogatepass turns a pair that was written as two surrogates back into the character that it means.
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def truncate(text: str, limit: int, *, already_cut: int = 0) -> str:
    """The end of `text` in at most `limit` bytes of UTF-8, after a marker that says how many bytes were cut.

    The marker's number includes `already_cut` bytes, which the caller has cut off before.
    """
    raw = text.encode()
    if len(raw) <= limit and not already_cut:
        return text
    kept = max(0, limit - len(_marker(already_cut + len(raw))))
    tail = _from_a_character(raw[max(0, len(raw) - kept) :]) if kept else b""
    marker = _marker(already_cut + len(raw) - len(tail))
    return (marker + tail)[:limit].decode("utf-8", "ignore")


def truncate_bytes(raw: bytes, limit: int) -> str:
    """The same for bytes of any origin; of a long `raw` only the end is decoded."""
    if len(raw) <= 4 * limit:
        return truncate(text_of(raw), limit)
    # A byte that is no UTF-8 becomes three, and none becomes less than one: `limit` bytes make `limit` or more.
    tail = _from_a_character(raw[len(raw) - limit :])
    return truncate(text_of(tail), limit, already_cut=len(raw) - len(tail))


def _from_a_character(raw: bytes) -> bytes:
    """`raw` without the rest of a character whose first bytes were cut off."""
    start = 0
    while start < min(3, len(raw)) and raw[start] & 0xC0 == 0x80:
        start += 1
    return raw[start:]


def _marker(count: int) -> bytes:
    return b"[%d bytes cut] " % count
