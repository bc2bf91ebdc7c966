"""Texts of any origin made to fit: what is no UTF-8 replaced, what is too long cut, its end kept."""

from __future__ import annotations

__all__ = ["text_of", "truncate"]


def text_of(value: str | bytes) -> str:
    """`value` as text that UTF-8 can carry: undecodable bytes and lone surrogates become U+FFFD."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if value.isascii():
        return value
    # surrogatepass turns a pair that was written as two surrogates back into the character it means.
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def truncate(text: str, limit: int, *, already_cut: int = 0) -> str:
    """The end of `text` in at most `limit` bytes of UTF-8, after a marker that says how many bytes went.

    `already_cut` bytes went before this call and are counted in.
    """
    raw = text.encode()
    if len(raw) <= limit and not already_cut:
        return text
    kept = max(0, limit - len(_marker(already_cut + len(raw))))
    tail = raw[max(0, len(raw) - kept) :] if kept else b""
    while tail and tail[0] & 0xC0 == 0x80:  # begin on a character
        tail = tail[1:]
    marker = _marker(already_cut + len(raw) - len(tail))
    return (marker + tail)[:limit].decode("utf-8", "ignore")


def _marker(count: int) -> bytes:
    return b"[%d bytes cut] " % count
