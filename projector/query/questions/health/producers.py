"""The producers that the projection knows: what has arrived of each, and whether its heart beats."""

from projector.checkpoint import Checkpoint
from projector.entry_id import order_of
from projector.keys import Keys
from projector.query.parsing import numbers_of, size_of
from projector.query.questions.question import AtOneInstant, Each, Question
from projector.query.results import ProducerStanding, Records

_GAPS = 20
"""Of a producer that are told; their sum is told of all."""


def producers(keys: Keys, limit: int) -> Question[Records[ProducerStanding]]:
    """The first `limit`; complete unless there are more, or were."""
    key = keys.producers
    rows, found = yield AtOneInstant(("HGETALL", key), ("HGETALL", keys.checkpoint))
    stands = Checkpoint.of_hash(found, keys.checkpoint) or Checkpoint()
    known = [*numbers_of(rows, key).items()]
    known.sort(key=lambda one: (bool(one[1].gaps), order_of(one[1].entry_id)), reverse=True)
    shown = known[:limit]
    beats = yield Each(*[("EXISTS", keys.heartbeat(by)) for by, _ in shown])
    standings = [
        ProducerStanding(
            by=by,
            namespace=keys.namespace,
            seq=row.seq,
            missing=size_of(row.gaps),
            gaps=row.gaps[:_GAPS],
            accepted=row.accepted,
            entry_id=row.entry_id,
            alive=bool(beat),
        )
        for (by, row), beat in zip(shown, beats, strict=True)
    ]
    return Records(standings, complete=len(shown) == len(known) and not stands.producers_evicted)
