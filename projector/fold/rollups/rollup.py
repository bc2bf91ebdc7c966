"""A rollup as the fold counts it; `projector.records.Rollup` is the same for readers."""

from __future__ import annotations

from typing import Annotated

import msgspec

from projector.records import ActionExecutionRecord

_Natural = Annotated[int, msgspec.Meta(ge=0)]
MOST = 2**53 - 1
"""What a sum of durations stops at, because that is the greatest integer in a JSON that everybody reads alike."""


class Rollup(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """Its fields in the order of the JSON. `durations` counts runs by the upper bound of their bucket."""

    runs: _Natural = 0
    failures: _Natural = 0
    orphans: _Natural = 0
    duration_ms_sum: _Natural = 0
    duration_ms_max: _Natural = 0
    durations: dict[_Natural, _Natural] = msgspec.field(default_factory=dict)

    def count(self, durations: list[int], bounds: list[int], failures: int) -> None:
        """Count runs that ended, after so many ms each, and the buckets that these fall into; some of them failed."""
        self.runs += len(durations)
        self.failures += failures
        self.duration_ms_sum += sum(durations)
        longest, counts = max(durations), self.durations
        if longest > self.duration_ms_max:
            self.duration_ms_max = longest
        for bound in bounds:
            counts[bound] = counts.get(bound, 0) + 1

    def count_without_duration(self, record: ActionExecutionRecord) -> None:
        """Count a run that was presumed dead or resolved."""
        if record.orphaned:
            self.orphans += 1
        else:
            self.runs += 1
            self.failures += not record.success


_encode = msgspec.json.Encoder().encode


def to_json(rollup: Rollup) -> bytes:
    """The JSON of a rollup, its durations sorted: their order must not tell in which batches they came."""
    if len(rollup.durations) > 1:
        rollup.durations = dict(sorted(rollup.durations.items()))
    if rollup.duration_ms_sum > MOST:
        rollup.duration_ms_sum = MOST
    return _encode(rollup)


of_json = msgspec.json.Decoder(Rollup).decode
"""A rollup, read from its JSON; raises ValueError for JSON that is none."""
