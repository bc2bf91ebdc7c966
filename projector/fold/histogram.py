"""Buckets of durations: integer log-linear, as in HdrHistogram (Gil Tene, https://hdrhistogram.org), without floats.

Every power of two is cut into 32 buckets of equal width; below 64 each value has its own. The middle of a bucket
is within 1/64 (1.6 %) of every value in it.
"""

from __future__ import annotations

_PRECISION_BITS = 6  # 2^6 = 64: below it buckets are one wide, and above it 32 to a power of two


def bucket_of(duration_ms: int) -> int:
    """The inclusive upper bound of the bucket that `duration_ms` (≥ 0) falls into."""
    shift = duration_ms.bit_length() - _PRECISION_BITS
    if shift <= 0:
        return duration_ms
    return (((duration_ms >> shift) + 1) << shift) - 1
