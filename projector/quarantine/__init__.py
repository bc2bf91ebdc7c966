"""The quarantine: what could not be folded, read; and what is to become of it, appended to the log.

Nothing but the fold writes the quarantine itself. So a rebuild repeats each retry and each drop.
"""

from __future__ import annotations

from projector.quarantine.entry import QuarantinedEntry, QuarantinedField
from projector.quarantine.quarantine import Attempt, Folded, Quarantine

__all__ = ["Attempt", "Folded", "Quarantine", "QuarantinedEntry", "QuarantinedField"]
