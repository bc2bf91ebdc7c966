"""How many entries there have ever been, reckoned from what the log and the projection's checkpoint tell."""

from producer.log import Log, LogFacts
from projector.checkpoint import Checkpoint
from projector.entry_id import order_of


def entries_ever(log: Log, facts: LogFacts | None, stands: Checkpoint | None) -> int:
    """How many entries were ever added to the log, as it was at `facts`, or to another that it has replaced.

    `stands` is the live projection's checkpoint: what it has read was there, whatever the log says of itself. Reads
    the entries behind the checkpoint, which are few where a projector was active until now.
    """
    added = facts.length + facts.gone if facts else 0
    if stands is None or not stands.last_id:
        return added
    waiting = added - stands.entries
    if facts and waiting >= 0 and log.count_between(stands.last_id, last=facts.last_id, most=waiting + 1) <= waiting:
        return added
    # More entries are behind the checkpoint than were added since: this log has replaced the one that was projected.
    # What of it is not behind the checkpoint (a log restored from a backup) has been read.
    survived = log.count_between("", last=min(stands.last_id, facts.last_id, key=order_of)) if facts else 0
    return stands.entries + added - survived
