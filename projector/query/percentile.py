"""A percentile of an action's durations, read off its histogram."""

from __future__ import annotations

from collections.abc import Mapping

from projector.query.damage import damaged

__all__ = ["percentile_of"]


def percentile_of(histogram: Mapping[bytes, bytes], percent: int, key: bytes) -> int | None:
    """The least bound of a bucket that `percent` of the durations do not exceed; None for an empty histogram.

    A bucket is at most 1/32 as wide as its bound is large, so the answer may be too high by that much.
    """
    try:
        buckets = sorted((int(bound), int(count)) for bound, count in histogram.items())
    except ValueError as error:
        raise damaged(key, "no histogram") from error
    left = sum(count for _, count in buckets) * percent
    for bound, count in buckets:
        left -= count * 100
        if left <= 0:
            return bound
    return None
