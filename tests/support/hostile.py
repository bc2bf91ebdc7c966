"""Texts that would command a terminal, turn a line around or break a table, and a log that is full of them."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

from tests.support.projection import Log, cleaned, completed, gaps_accepted, orphaned, resolved, started

_FRAGMENTS = (
    "\x1b[2J\x1b]0;owned\x07\x1b]8;;http://x\x1b\\\x1b[38;5;213m",
    "\r\n\t\x00\x7f\x9b31m\x85\r",
    "\u202eevil\u2066\u200f\u061c\ufeff\u200b\u2028\u2029\u00ad\U000e0041",
    "שלום مرحبا",
    "👩\u200d👩\u200d👧🏳️\u200d🌈🚀👍🏽 日本語 ｶﾞ e\u0301\u0300",
    "[bold red]x[/] [/] :otter: [link=http://x]y",
    "'\"`$(:)`;|&<>%s{}{0}\\,=1+1",
)
"""Escape sequences; controls; formats that turn lines around or do not show; letters from right to left; emoji and
what is wide or has no width; markup; what shells, CSV, formatting and monitoring read."""
_OBEYED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_STRANGE_COLOUR = "\x1b[38;5;213m"
SHOWN = r"\x1b[2J"
"""What a person sees of any of these texts that is not cut before."""


def hostile(begin: str, size: int) -> str:
    """A text of `size` bytes of UTF-8 that begins with `begin`."""
    text = begin
    while len(text.encode()) < size:
        text += "".join(_FRAGMENTS)
    cut = text.encode()[:size].decode(errors="ignore")
    return cut + "x" * (size - len(cut.encode()))


def obeyed(printed: str, *, coloured: bool = False) -> list[str]:
    """What a terminal would obey in `printed`, but for the ends of lines and, in what is `coloured`, our colours."""
    found = [_STRANGE_COLOUR] if _STRANGE_COLOUR in printed else []
    rest = _COLOURS.sub("", printed) if coloured else printed
    return found + [
        character for character in rest if character != "\n" and unicodedata.category(character) in _OBEYED
    ]


def uncoloured(printed: str) -> str:
    return _COLOURS.sub("", printed)


ACTION, LONG, WIDE = hostile("act", 256), "x" * 256, "日" * 85
RUN, DEAD, SETTLED, OPEN = (hostile(name, 256) for name in ("run", "dead", "settled", "open"))
SCANNER, RESOURCE, DEED = hostile("scan", 256), hostile("res", 4096), hostile("deed", 256)
PRODUCER, LOSER, SOURCE, WORD = hostile("prod", 256), hostile("lost", 256), hostile("src", 4096), hostile("type", 256)
ERROR, OUTPUT, COMMAND, REASON = (hostile(name, 4096) for name in ("err", "out", "cmd", "why"))
LABELS = {name: hostile(f"{name}=", 256) for name in ("host", "user", "cwd", "x" * 64)}
LABELS |= {f"n{number}": hostile("", 256) for number in range(12)}


def fill(log: Log, *, at: int) -> dict[str, str]:
    """Entries of every kind, with such texts in every string that an operation has; some entries by name.

    `at` is the time of the operations, epoch ms. The log is projected.
    """
    numbers = iter(range(1, 100))

    def add(operation: str) -> str:
        return log.add(operation, "by", PRODUCER, "seq", str(next(numbers)))

    begun: dict[str, Any] = {
        "source": SOURCE,
        "execution_type": WORD,
        "command": COMMAND,
        "labels": LABELS,
        "started_at": at,
    }
    ended: dict[str, Any] = {
        "error": ERROR,
        "output": OUTPUT,
        "labels": LABELS,
        "completed_at": at + 90_000,
        "duration_ms": 90_000,
    }
    done: dict[str, Any] = {"scanner_id": SCANNER, "action": DEED, "labels": LABELS, "executed_at": at + 5}

    found = {"start": add(started(ACTION, RUN, attempt=2, **begun))}
    found["cleanup"] = add(cleaned(RESOURCE, RUN, success=False, error=ERROR, **done))
    found["end"] = add(completed(ACTION, False, RUN, exit_code=-9, **ended))
    for name in (ACTION, LONG, WIDE):
        add(completed(name, **{**ended, "error": None}))
        add(completed(name, False, name, **ended))
        add(started(name, OPEN if name == ACTION else name, **{**begun, "execution_type": "back\rward"}))
        add(cleaned(name, name, **{**done, "scanner_id": name}))
    for run in (DEAD, SETTLED):
        add(started(ACTION, run, **begun))
        add(orphaned(ACTION, run, REASON, at + 9))
    found["resolution"] = add(resolved(ACTION, SETTLED, REASON, at + 10, by=PRODUCER))
    log.add(completed(ACTION, **ended), "by", LOSER, "seq", "7")  # six are missing
    found["decision"] = add(gaps_accepted(LOSER, 3, REASON, at, by=PRODUCER))
    found["quarantined"] = log.add(ERROR, hostile("name", 256), ERROR.encode() + b"\xff\xfe", "by", OUTPUT)
    log.add(json.dumps({"type": WORD, "action_id": ACTION}))
    log.add(json.dumps({"type": "action_execution_completed", "action_id": ACTION, "success": ERROR}))
    log.drain()
    log.client.set(log.key("lease"), PRODUCER, ex=3600)
    return found
