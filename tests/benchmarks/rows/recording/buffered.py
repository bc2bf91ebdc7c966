"""The buffered producer: operations per second until all are acknowledged, beside redis-py's pipeline."""

from __future__ import annotations

from tests.benchmarks.ground.process import in_own_process
from tests.benchmarks.ground.site import site
from tests.benchmarks.ground.until_acknowledged import PIPELINE, until_acknowledged
from tests.benchmarks.ratio import Row, at_least
from tests.benchmarks.scale import Scale

__all__ = ["run"]

_LIMIT = 10_000
"""Operations that may wait, as in the README: an engine that is faster than the thread feels it push back."""


def run(scale: Scale) -> list[Row]:
    with site() as here:
        options = {"buffer": _LIMIT}
        ours, theirs = in_own_process(until_acknowledged, here.url, scale.forwarded, scale.rounds, options)
    return [Row("buffered", "until acknowledged", PIPELINE, "operations/s", ours, theirs, at_least(0.60))]
