"""The retention: how long an entry stays in the log after it was projected and archived."""

import re
from dataclasses import dataclass

_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = re.compile(r"([1-9][0-9]{0,5})(ms|[smhdw])")

WEEK_MS = 604_800_000


def milliseconds_in(text: str) -> int:
    """The ms in a duration such as `7d`; raises ValueError, which says what was expected, for another text."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"expected a number and ms, s, m, h, d or w, such as 90m, 36h, 7d or 1w, found {text!r}")
    return int(found[1]) * _UNITS[found[2]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Which entries stay: those younger than `age_ms`, and the newest `entries`; all, unless it `trims`.

    The others go once archived, or `without_archive` once projected: then nothing has them any more. Trimming also
    waits for runs in flight and for other consumer groups; after `patience_ms` the projector logs for whom.
    """

    trims: bool = True
    age_ms: int = 0
    entries: int = 0
    without_archive: bool = False
    patience_ms: int = WEEK_MS
