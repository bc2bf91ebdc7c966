"""Buckets of durations: integer log-linear, as in HdrHistogram (Gil Tene, https://hdrhistogram.org), without floats.

Every power of two is cut into 32 buckets of equal width; below 64 each value has its own. The middle of a bucket
is within 1/64 (1.6 %) of every value in it.
"""

_MOST_BITS = 64


def _low_bits(precision_bits: int) -> list[int]:
    """By the number of bits of a value: the bits that its bucket leaves open, those behind the first few."""
    return [(1 << max(0, bits - precision_bits)) - 1 for bits in range(_MOST_BITS + 1)]


_FINE = _low_bits(6)  # 2^6 = 64: below it buckets are one wide, and above it 32 to a power of two
_COARSE = _low_bits(4)  # below 16 they are one wide, and above it 8 to a power of two


def bucket_of(duration_ms: int) -> int:
    """The inclusive upper bound of the bucket that `duration_ms` (0 to 2^64−1) falls into."""
    return duration_ms | _FINE[duration_ms.bit_length()]


def coarse_bucket_of(duration_ms: int) -> int:
    """The same for the buckets of rollups, each of which is made up of whole buckets of `bucket_of`."""
    return duration_ms | _COARSE[duration_ms.bit_length()]
