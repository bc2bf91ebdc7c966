"""The doctor's findings for a page: they take a second, so that they are made beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from projector.answers.examined import Look
from projector.answers.outcome import Outcome
from projector.doctor import Finding
from projector.web.page.asked import Trouble

_NAMESPACES = 20
"""Of several namespaces so many are examined."""
_AT_ONCE = 5


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found at `at` (epoch ms) about each namespace, or why it could not be examined. `more` were not."""

    at: int
    findings: Mapping[str, Sequence[Finding] | Trouble]
    more: int = 0


def examine(url: str, names: Sequence[str], *, now: int, seconds: float = 1.0) -> Examined:
    """Of `names` the first; the second look comes after `seconds`."""
    look = Look(url, seconds)
    with ThreadPoolExecutor(_AT_ONCE) as pool:  # each waits for most of its time
        outcomes = list(pool.map(lambda name: Outcome.of(name, look.at), names[:_NAMESPACES]))
    found = {
        each.namespace: each.found.findings if each.found else Trouble(str(each.error or "")) for each in outcomes
    }
    return Examined(now, found, max(0, len(names) - _NAMESPACES))
