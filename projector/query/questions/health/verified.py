"""What the last verification found that is on record."""

from projector.keys import Keys
from projector.query.parsing import LAST_VERIFIED
from projector.query.questions.question import AtOneInstant, Question
from projector.query.results import LastVerified


def verified(keys: Keys) -> Question[LastVerified | None]:
    (raw,) = yield AtOneInstant(("GET", keys.verified))
    return None if raw is None else LAST_VERIFIED.read(raw, keys.verified)
