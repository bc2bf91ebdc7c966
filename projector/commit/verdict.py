"""The replies of the scripts in `projector/commit/`, as errors that say what was found and what repairs it."""

from typing import Any

from producer.text.wording import counted
from projector.errors import Damaged, LossesFound, Superseded, command_for, repair_of
from projector.keys import Keys


def judge(reply: list[Any], keys: Keys) -> list[str]:
    """The details behind an `ok`; raises Superseded if a new session repairs the refusal by itself, else Damaged."""
    verdict, *details = [item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item) for item in reply]
    repair = repair_of(keys.checkpoint)
    match verdict, details:
        case "ok", _:
            return details
        case "lease", [holder, *_]:
            raise Superseded(f"the lease is {holder}'s" if holder else "the lease has run out", holder=holder)
        case "checkpoint", [last_id, torn] if torn:
            raise Damaged(
                f"{_text(keys.checkpoint)}: a commit that begins with entry {torn} was written by half "
                f"(the checkpoint stands at {last_id or 'none'}): {repair}"
            )
        case "checkpoint", [last_id, _]:
            raise Superseded(f"the projection stands at {last_id or 'none'}, not where this projector left it")
        case "neighbour", [found]:
            raise Superseded(
                f"entries after the checkpoint came out of order or not at all (next in the log: {found or 'none'}): "
                f"somebody else read from the group or moved it"
            )
        case "gone", [last_id]:
            raise LossesFound(
                f"{_text(keys.wal)}: entry {last_id}, at which the projection stands, is not in the log: somebody "
                f"deleted or trimmed it, or replaced the log by another",
                keys.namespace,
            )
        case "meanwhile", [more]:
            raise Damaged(
                f"{_text(keys.wal)}: {counted(int(more), 'entry was', 'entries were')} deleted during the rebuild: "
                f"start it again with: {command_for(keys.namespace, 'rebuild')}"
            )
        case "taken", [key]:
            raise Superseded(f"{key} came into being meanwhile: start again")
        case "deleted", [added, length, may_lack]:
            entries = counted(int(added), "entry")
            known = f"{_text(keys.wal)}: of {entries} ever added {length} are there, and {may_lack} trimmed or lost"
            gone = int(added) - int(length) - int(may_lack)
            if gone < 0:
                raise Damaged(f"{known}: {-gone} too many, which somebody put back; {repair}")
            raise LossesFound(f"{known}: somebody deleted or trimmed {gone}", keys.namespace)
        case "headless", [key]:
            raise Damaged(
                f"{key}: found a projection without {_text(keys.checkpoint)}, which somebody deleted: {repair}"
            )
        case "quarantine", [found, set_aside]:
            beyond = f"entry {found}, to which the projection has not come"
            what = beyond if "-" in found else counted(int(found), "entry")
            most = counted(int(set_aside), "entry that was", "entries that were")
            raise Damaged(
                f"{_text(keys.quarantine)}: expected at most {most} set aside, found {what}, "
                f"which somebody wrote there: {repair}"
            )
        case "refused", [key, error]:
            raise Damaged(f"{key}: a write of a commit was refused ({error}), so it is there by half: {repair}")
        case "type", [key, found, expected]:
            cure = repair_of(key.encode())
            raise Damaged(f"{key}: expected a {expected}, found a {found}, which somebody put there: {cure}")
    raise Damaged(f"a script of this projector answered {reply!r}, which it does not know: are two versions running?")


def _text(key: bytes) -> str:
    return key.decode()
