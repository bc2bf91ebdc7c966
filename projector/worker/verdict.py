"""The replies of the scripts in `projector/commit/`, as errors that say what was found and what repairs it."""

from __future__ import annotations

from typing import Any

from projector.errors import Damaged, Superseded
from projector.keys import Keys

REBUILD = "mend it with: projector rebuild"


def judge(reply: list[Any], keys: Keys) -> list[str]:
    """The details behind an `ok`; raises Superseded if a new session repairs the refusal by itself, else Damaged."""
    verdict, *details = [item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item) for item in reply]
    match verdict, details:
        case "ok", _:
            return details
        case "lease", [holder, *_]:
            raise Superseded(f"the lease is {holder}'s" if holder else "the lease has run out")
        case "checkpoint", [last_id, torn] if torn:
            raise Damaged(
                f"{_text(keys.checkpoint)}: a commit that begins with entry {torn} was written by half "
                f"(the checkpoint stands at {last_id or 'none'}): {REBUILD}"
            )
        case "checkpoint", [last_id, _]:
            raise Superseded(f"the projection stands at {last_id or 'none'}, not where this projector left it")
        case "neighbour", [found]:
            raise Superseded(
                f"entries after the checkpoint came out of order or not at all (next in the log: {found or 'none'}): "
                f"somebody else read from the group or moved it"
            )
        case "gone", [last_id]:
            raise Damaged(
                f"{_text(keys.wal)}: entry {last_id}, at which the projection stands, is not in the log: somebody "
                f"deleted or trimmed it, or replaced the log by another; to project what the log holds now, {REBUILD}"
            )
        case "deleted", [added, length, trimmed]:
            raise Damaged(
                f"{_text(keys.wal)}: of {added} entries ever added {length} are there, and the projector trimmed "
                f"{trimmed}: somebody deleted or trimmed {int(added) - int(length) - int(trimmed)}; "
                f"to project what the log holds now, {REBUILD}"
            )
        case "headless", [key]:
            raise Damaged(
                f"{key}: found a projection without {_text(keys.checkpoint)}, which somebody deleted: {REBUILD}"
            )
        case "quarantine", [found, set_aside]:
            what = f"entry {found}, to which the projection has not come" if "-" in found else f"{found} entries"
            raise Damaged(
                f"{_text(keys.quarantine)}: expected at most {set_aside} entries that were set aside, found {what}, "
                f"which somebody wrote there: {REBUILD}"
            )
        case "refused", [key, error]:
            raise Damaged(f"{key}: a write of a commit was refused ({error}), so it is there by half: {REBUILD}")
        case "type", [key, found, expected]:
            cure = f"delete it with: redis-cli DEL '{key}'" if key == _text(keys.lease) else REBUILD
            raise Damaged(f"{key}: expected a {expected}, found a {found}, which somebody put there: {cure}")
    raise Damaged(f"a script of this projector answered {reply!r}, which it does not know: are two versions running?")


def _text(key: bytes) -> str:
    return key.decode()
