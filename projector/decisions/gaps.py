"""Numbers of producers that never arrived: which they are, and the decision to accept that they are lost."""

from collections.abc import Iterable, Iterator, Mapping

from producer.connection.wire import pairs_of
from producer.operations import GapsAccepted, encode
from producer.wal import OP
from projector.decisions.decision import Attempt, Decisions
from projector.errors import damaged
from projector.fold.sequence import Sequence


def size_of(ranges: Iterable[list[int]]) -> int:
    """How many numbers are in the ranges."""
    return sum(last - first + 1 for first, last in ranges)


def gaps_of(rows: Mapping[bytes, bytes], key: bytes) -> dict[str, Sequence]:
    """Those of the `rows`, found under `key`, of which something is missing, by producer in order of name.

    Raises Damaged."""
    try:
        known = {name.decode(): Sequence.of_json(raw) for name, raw in sorted(rows.items())}
    except ValueError as error:
        raise damaged(key, "something that is no producer's numbers") from error
    return {name: row for name, row in known.items() if row.last_missing}


class Gaps(Decisions):
    """The gaps of `namespace`."""

    def producers(self) -> dict[str, Sequence]:
        """The producers of which something is missing."""
        key = self._keys.producers
        return gaps_of(pairs_of(self._link.call("HGETALL", key)), key)

    def accept(
        self, wanted: Mapping[str, Sequence | None], *, by: str | None, reason: str | None
    ) -> Iterator[Attempt]:
        """Append for each producer that `by` accepts what its row shows as missing; None: nothing is missing."""
        for name, row in wanted.items():
            if row is None:
                yield Attempt(name, refusal="nothing of it is missing")
                continue
            operation = GapsAccepted(
                producer_id=name, seq=row.last_missing, accepted_at=self._now_ms(), by=by, reason=reason
            )
            yield Attempt(name, appended=self._append(OP, encode(operation)))
