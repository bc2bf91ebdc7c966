"""A finding: what one check has found, and the commands that repair it, as somebody can paste them into a shell."""

import shlex
from dataclasses import dataclass
from enum import StrEnum

from projector.errors import text_of


class Severity(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """Worth knowing; nothing has to be done, or nothing can be."""
    WRONG = "wrong"
    """Somebody has to repair it."""
    NOT_CHECKED = "not_checked"
    """The account or the server did not let the doctor look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`check` is the stable name of the check, which the examination fills in.

    `why` tells why the finding matters, `mend` the command or the act that repairs it; both are empty if all is well.
    """

    check: str = ""
    severity: Severity
    found: str
    why: str = ""
    mend: str = ""


def ok(found: str) -> Finding:
    return Finding(severity=Severity.OK, found=found)


def warning(found: str, why: str, mend: str = "") -> Finding:
    return Finding(severity=Severity.WARNING, found=found, why=why, mend=mend)


def wrong(found: str, why: str, mend: str) -> Finding:
    return Finding(severity=Severity.WRONG, found=found, why=why, mend=mend)


def redis_cli(*words: str | bytes) -> str:
    """A `redis-cli` command, its words quoted for a shell."""
    return "redis-cli " + shlex.join(word if isinstance(word, str) else text_of(word) for word in words)


def configuration(name: str, value: str) -> str:
    """Set an option of the server, now and for its next start."""
    return f"{redis_cli('CONFIG', 'SET', name, value)}, and the same in the server's configuration file"
