"""A segment: consecutive entries of the log, a line each, compressed with zstd (`zstdcat | jq` reads it)."""

from collections.abc import Iterable

from projector.compression.zstd import zstd

MAX_ENTRIES = 50_000
MAX_BYTES = 16 << 20
"""Of the lines, before they are compressed. A segment that one entry alone exceeds holds that entry."""

_LEVEL = 3


def packed(lines: Iterable[bytes]) -> bytes:
    """The file of a segment with `lines`, which have no newlines."""
    content: bytes = zstd().compress(b"".join(b"%b\n" % line for line in lines), level=_LEVEL)
    return content


def unpacked(content: bytes) -> list[bytes]:
    """The lines in the file of a segment, without their newlines. Raises ValueError for a file that is none."""
    try:
        text: bytes = zstd().decompress(content)
    except zstd().ZstdError as error:
        raise ValueError(f"expected a zstd file, found another: {error}") from error
    if not text.endswith(b"\n"):
        raise ValueError("expected lines, found no newline at the end")
    return text[:-1].split(b"\n")
