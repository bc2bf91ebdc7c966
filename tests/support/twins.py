"""Logs with something of every kind, alike but for a mark that is in every string which anybody may choose."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.support.projection import Log, cleaned, completed, gaps_accepted, orphaned, resolved, started

MARK = (
    "<script>ran()</script><img src=x onerror=ran()>'\"></title><b>{{7*7}}{%x%}"
    "\x1b[31m\x1b]8;;javascript:ran()\x07\x00\r\n\t\u202e\u2066\u200bשלום🦦&lt;i>"
)
"""What a browser would obey, what a template would fill in, what a terminal would obey, what turns lines around."""
LONG_MARK = (
    MARK + "</textarea></select></pre></svg></bdi>--><iframe src=javascript:ran()></iframe>"
    "<form action=//evil.example><input autofocus onfocus=ran()><button>Filter</button></form>"
    "<style>*{display:none}</style><link rel=stylesheet href=//evil.example/x.css><base href=//evil.example/>"
    '<meta http-equiv=refresh content="0;url=//evil.example"><a href="javascript:ran()">x</a><svg onload=ran()>'
    "<details open ontoggle=ran()><object data=//evil.example></object><template><math><mtext></template>"
) * 2
ACTIONS, RUNS = 4, 12
MINUTE, HOUR = 60_000, 3_600_000


@dataclass(frozen=True, slots=True)
class Twins:
    """The logs `tame` and `marked`, and of each the `paths` of pages about it, by name."""

    tame: Log
    marked: Log
    tame_paths: dict[str, str]
    marked_paths: dict[str, str]

    @classmethod
    def filled(cls, tame: Log, marked: Log, *, now: int) -> Twins:
        paths = [
            _paths(log.namespace, _fill(log, now=now, mark=mark, long_mark=long_mark))
            for log, mark, long_mark in ((tame, "", ""), (marked, MARK, LONG_MARK))
        ]
        return cls(tame, marked, *paths)


def _paths(namespace: str, found: dict[str, str]) -> dict[str, str]:
    """Of each page, and of those that show one thing, of a thing of each kind."""

    def path(page: str, **arguments: str) -> str:
        return f"{page}?{urlencode({'namespace': namespace, **arguments})}"

    entries = {name: path("/run", id=found[name]) for name in ("end", "cleanup", "resolution", "decision", "broken")}
    return entries | {
        "overview": path("/"),
        "actions": path("/actions", q=found["mark"] or "task"),
        "action": path("/action", id=found["action"]),
        "runs": path("/runs", action=f"*{found['mark'][-9:]}"),
        "failures": path("/failures"),
        "failures by kind": path("/failures", grouped="true"),
        "in flight": path("/in-flight", q=found["mark"] or "task"),
        "cleanups": path("/cleanups"),
        "trail": path("/trail", resource=found["resource"]),
        "log": path("/log", label=f"note={found['note']}"),
        "health": path("/health"),
        "namespaces": path("/namespaces"),
    }


def _fill(log: Log, *, now: int, mark: str, long_mark: str) -> dict[str, str]:
    """Entries up to `now` (epoch ms), projected; ids of some, and texts in them, by name. Short texts end with
    `mark`, long ones with `long_mark`."""
    by = f"host:1:abcdefgh{mark}"
    labels = {"host": f"alpha{mark}", "user": f"ana{mark}", "note": f"note{mark}"}
    source = f"cron:nightly{long_mark}"
    numbers = iter(range(1, 10_000))

    def add(operation: str) -> str:
        return log.add(operation, "by", by, "seq", str(next(numbers)))

    def begun(at: int, **more: Any) -> dict[str, Any]:
        words = {
            "source": source,
            "execution_type": f"command{mark}",
            "command": f"make{long_mark}",
            "labels": labels,
        }
        return {"started_at": at, **words, **more}

    for number in range(RUNS):
        action, run = f"task-{number % ACTIONS:02}{mark}", f"run-{number:03}{mark}"
        at = now - 40 * HOUR + number * 18 * MINUTE
        add(started(action, run, **begun(at)))
        ok = number % 3 != 0
        error = None if ok else f"exit status {number % 2}{mark}"
        took = {"completed_at": at + 1000 + number, "duration_ms": 1000 + number}
        output = f"\x1b[1mstart\x1b[0m\nline\n{long_mark}"
        add(completed(action, ok, run, error=error, output=output, labels=labels, exit_code=1 - ok, **took))
        if number % 2:
            done = {"scanner_id": f"stale-locks{mark}", "action": f"delete{mark}", "labels": labels}
            failed = {"success": number % 5 != 0, "error": None if number % 5 else f"busy{long_mark}"}
            add(cleaned(f"lock:{number % 20}{mark}", run, executed_at=at + 500, **done, **failed))

    action = f"task-00{mark}"
    found = {"mark": mark, "note": labels["note"], "action": action, "execution": f"long{mark}"}
    found["resource"] = f"lock:1{mark}"
    add(started(action, found["execution"], **begun(now - 3 * HOUR, attempt=2)))
    found["cleanup"] = add(
        cleaned(
            found["resource"],
            found["execution"],
            scanner_id=f"stale-locks{mark}",
            action=f"delete{mark}",
            success=False,
            error=f"busy{long_mark}",
            executed_at=now - 2 * HOUR,
        )
    )
    ended = {"error": f"no room\n{long_mark}", "output": f"\x1b[32mok\x1b[0m\n{long_mark}", "labels": labels}
    found["end"] = add(
        completed(
            action,
            False,
            found["execution"],
            exit_code=-9,
            completed_at=now - 2 * HOUR,
            duration_ms=HOUR,
            **ended,
        )
    )
    for name, at in (("overdue", now - 30 * HOUR), ("fresh", now - 100)):
        add(started(action, f"{name}{mark}", **begun(at)))
    add(started(f"task-new{mark}", f"first{mark}", **begun(now - MINUTE)))
    for name in ("dead", "settled"):
        add(started(action, f"{name}{mark}", **begun(now - 5 * HOUR)))
        add(orphaned(action, f"{name}{mark}", f"silent{long_mark}", now - 4 * HOUR))
    found["resolution"] = add(resolved(action, f"settled{mark}", f"seen{long_mark}", now - 3 * HOUR, by=f"ana{mark}"))
    other = f"other:1:abcdefgh{mark}"
    log.add(completed(action, completed_at=now - HOUR), "by", other, "seq", "7")  # six are missing
    found["decision"] = add(gaps_accepted(other, 3, f"known{long_mark}", now - HOUR, by=f"ana{mark}"))
    found["broken"] = log.add(f"broken{long_mark}", f"name{mark}", f"raw{long_mark}".encode() + b"\xff\xfe")
    log.add(json.dumps({"type": f"word{mark}", "action_id": action}))
    log.drain()
    log.client.set(log.key("lease"), f"projector:1:abcdefgh{mark}", ex=3600)
    return found
