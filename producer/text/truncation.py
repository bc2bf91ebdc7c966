"""Texts of any origin made to fit: bytes that are no UTF-8 are replaced, of long texts one end is kept."""


def text_of(value: str | bytes) -> str:
    """`value` as a text that UTF-8 can carry: U+FFFD stands for undecodable bytes and lone surrogates."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if value.isascii():
        return value
    # surrogatepass turns a pair that was written as two surrogates back into the character that it means.
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def truncate(value: str | bytes, limit: int, *, already_cut: int = 0) -> str:
    """The end of `value` as text, at most `limit` bytes of UTF-8, after a marker that says how many bytes were cut.

    The marker's number includes `already_cut` bytes, which the caller has cut off before.
    """
    if isinstance(value, bytes) and len(value) > 4 * limit:
        # Decode only the end: `limit` bytes make `limit` or more, because a byte that is no UTF-8 becomes three.
        end = _from_a_character(value[len(value) - limit :])
        already_cut += len(value) - len(end)
        value = end
    text = text_of(value)
    if len(text) <= limit and text.isascii() and not already_cut:
        return text  # as most do
    raw = text.encode()
    if len(raw) <= limit and not already_cut:
        return text
    kept = max(0, limit - len(_marker(already_cut + len(raw))))
    tail = _from_a_character(raw[max(0, len(raw) - kept) :]) if kept else b""
    marker = _marker(already_cut + len(raw) - len(tail))
    return (marker + tail)[:limit].decode("utf-8", "ignore")


def beginning(value: str | bytes, limit: int, *, already_cut: int = 0) -> str:
    """The beginning of `value` as text, at most `limit` bytes of UTF-8, before a marker that says how many were cut.

    The marker's number includes `already_cut` bytes, which the caller has cut off behind.
    """
    raw = text_of(value).encode()
    if len(raw) <= limit and not already_cut:
        return raw.decode()
    kept = max(0, limit - len(_marker_behind(already_cut + len(raw))))
    head = raw[:kept].decode("utf-8", "ignore").encode()
    marker = _marker_behind(already_cut + len(raw) - len(head))
    return (head + marker)[:limit].decode("utf-8", "ignore")


def _from_a_character(raw: bytes) -> bytes:
    """`raw` without the rest of a character whose first bytes were cut off."""
    start = 0
    while start < min(3, len(raw)) and raw[start] & 0xC0 == 0x80:
        start += 1
    return raw[start:]


def _marker(count: int) -> bytes:
    return b"[%d bytes cut] " % count


def _marker_behind(count: int) -> bytes:
    return b" [%d bytes cut]" % count
