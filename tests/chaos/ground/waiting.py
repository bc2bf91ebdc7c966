"""Waiting for a condition, with a story to tell when it does not come."""

from __future__ import annotations

import time
from collections.abc import Callable

import redis
from redis.exceptions import RedisClusterException

__all__ = ["until"]

_SECONDS = 60.0


def until(condition: Callable[[], object], story: Callable[[], object], *, seconds: float = _SECONDS) -> None:
    """Return once `condition()` is true; a server that is away means no. Fails with what `story` tells then."""
    deadline = time.monotonic() + seconds
    while not _holds(condition):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {story()}")
        time.sleep(0.01)


def _holds(condition: Callable[[], object]) -> bool:
    try:
        return bool(condition())
    except (redis.RedisError, RedisClusterException):
        return False
