"""The producers of several namespaces: those with gaps first, then the one with the latest entry."""

from projector.entry_id import order_of
from projector.query.arguments import checked_limit
from projector.query.questions.health import producers as standings
from projector.query.questions.question import Inquiry, each
from projector.query.results import ProducerStanding, Records


def producers(limit: int | None) -> Inquiry[Records[ProducerStanding]]:
    most = checked_limit(limit)
    answers = [*(yield from each(lambda keys: standings.producers(keys, most))).values()]
    found = [one for answer in answers for one in answer]
    found.sort(key=lambda one: (bool(one.gaps), order_of(one.entry_id)), reverse=True)
    whole = all(answer.complete for answer in answers) and len(found) <= most
    return Records(found[:most], complete=whole)
