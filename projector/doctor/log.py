"""Checks of the log: is it the one that was projected, and is it whole?"""

from collections.abc import Iterator

from producer.log import Log
from producer.text.moment import in_utc
from producer.text.wording import counted
from projector.doctor.case import Case
from projector.doctor.finding import Finding, ok, warning, wrong
from projector.entry_id import milliseconds_of, order_of
from projector.errors import cures_of_loss
from projector.losses.examination import examine_losses

_AHEAD_MS = 5_000
"""How far ids may be ahead of the server's clock: clocks are set back, and after a failover it is another's."""
_DAY_MS = 86_400_000
_UNARCHIVED_MS = 3_600_000
"""How old an entry may be that is projected and not archived: six times what an archiver waits by default."""
_SEALS = 5
"""So many `archive_sealed` in a row stand behind the archive's end at most, each of which nobody archives alone."""
_HIGHEST = 2**64 - 1


def log(case: Case) -> Iterator[Finding]:
    """Does the log hold the entry at which the projection stands?"""
    found, stands = case.first_look.log, case.first_look.checkpoint.last_id
    entries = counted(found.length if found else 0, "entry")
    if not stands:
        yield ok(f"{entries}, nothing projected yet")
    elif found is None:
        yield _log_wrong(case, f"there is none, and the projection stands at {stands}")
    elif order_of(found.last_id) < order_of(stands):
        yield _log_wrong(case, f"it ends at {found.last_id}, and the projection stands beyond, at {stands}")
    elif not Log(case.reader.call, case.keys.namespace).entry(stands) and case.look().checkpoint.last_id == stands:
        # Had the projection gone on meanwhile, the entry would have been there.
        yield _log_wrong(case, f"it does not hold {stands}, at which the projection stands")
    else:
        yield ok(f"{entries}, the projection at {stands}")


def _log_wrong(case: Case, found: str) -> Finding:
    return wrong(
        found,
        "somebody deleted, trimmed or replaced it; the projector stops rather than count wrong",
        cures_of_loss(case.keys.namespace),
    )


def deleted_entries(case: Case) -> Iterator[Finding]:
    """The log has to hold every entry ever added but those that were trimmed or are archived, and those accepted as
    lost."""
    found, checkpoint = case.first_look.log, case.first_look.checkpoint
    gone = found.gone - checkpoint.trimmed - checkpoint.lost if found else 0
    if gone > 0:
        losses = examine_losses(case.reader, case.keys)
        yield wrong(
            f"{counted(gone, 'entry was', 'entries were')} deleted or trimmed by hand: {losses}",
            "the projector stops: nothing may be forgotten unless somebody accepts that",
            f"{cures_of_loss(case.keys.namespace)}; who may delete is kept short by: projector acl",
        )
    elif gone < 0:
        yield wrong(
            f"{counted(-gone, 'entry is', 'entries are')} back, which had been trimmed or lost",
            "the log is not the one that was projected",
            case.projector("rebuild"),
        )
    elif not checkpoint.lost:
        where = "no longer in the log, and archived" if checkpoint.archive_last_id else "trimmed by projectors"
        yield ok(f"none ({checkpoint.trimmed:,} {where})" if checkpoint.trimmed else "none")
    if checkpoint.lost:
        yield warning(
            f"{counted(checkpoint.lost, 'entry is', 'entries are')} lost for ever, as somebody has accepted",
            "what they said is counted nowhere; the log says who accepted it and why (loss_accepted)",
        )


def archive(case: Case) -> Iterator[Finding]:
    """Does the archive, where there is one, keep up with the projection?"""
    checkpoint = case.first_look.checkpoint
    if not (archived := checkpoint.archive_last_id):
        yield ok("the log tells of none")
        return
    behind = Log(case.reader.call, case.keys.namespace).after(archived, _SEALS + 1, last=checkpoint.last_id)
    waiting = [
        raw_id.decode() for raw_id, fields in behind if not any(b'"archive_sealed"' in word for word in fields)
    ]
    if waiting and case.first_look.now - milliseconds_of(waiting[0]) > _UNARCHIVED_MS:
        yield warning(
            f"it ends at {archived}, and {waiting[0]}, of {in_utc(milliseconds_of(waiting[0]))}, is not in it",
            "what is not archived is not trimmed, and a lost server would take it along",
            f"read in the projector's log what holds its archiver up, or archive by hand: "
            f"{case.projector('archive once --archive WHERE')}",
        )
    else:
        yield ok(f"it ends at {archived}")


def top_id(case: Case) -> Iterator[Finding]:
    """An id that is ahead of the clock: every later one is made to follow it."""
    found = case.first_look.log
    if found is None:
        yield ok("no entry yet")
        return
    top = milliseconds_of(found.last_id)
    ahead = top - case.first_look.now
    if ahead <= _AHEAD_MS:
        yield ok(f"{found.last_id}, not ahead of the server's clock")
        return
    late = "somebody chose that id; every later entry gets the same time, so times of actions are wrong"
    yield wrong(
        f"{found.last_id} is in the future: {in_utc(top)}",
        "no entry can be added any more" if top == _HIGHEST else late,
        "wait until then" if ahead <= _DAY_MS else f"begin a log anew: {case.new_log}",
    )
