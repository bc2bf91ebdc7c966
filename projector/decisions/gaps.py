"""Numbers of producers that never arrived: which they are, and the decision to accept that they are lost."""

from collections.abc import Iterator, Mapping

from producer.connection.wire import pairs_of
from producer.operations import GapsAccepted, encode
from producer.wal import OP
from projector.decisions.decision import Attempt, Decisions
from projector.query.parsing import ProducerNumbers, numbers_of


class Gaps(Decisions):
    """The gaps of `namespace`."""

    def producers(self) -> dict[str, ProducerNumbers]:
        """The producers of which something is missing, in order of name. Raises Damaged."""
        key = self._keys.producers
        known = numbers_of(pairs_of(self._link.call("HGETALL", key)), key)
        return {name: row for name, row in known.items() if row.last_missing}

    def accept(
        self, wanted: Mapping[str, ProducerNumbers | None], *, by: str | None, reason: str | None
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
