"""A finding: what one check has found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "Severity"]


class Severity(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """Worth knowing; nothing has to be done, or nothing can be."""
    WRONG = "wrong"
    """To be mended."""
    NOT_CHECKED = "not_checked"
    """The account or the server did not let us look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`check` is the check's stable name. `why` it matters and what will `mend` it are empty where all is well."""

    check: str
    severity: Severity
    found: str
    why: str = ""
    mend: str = ""
