"""The quarantine: entries that could not be folded are read, and the decision to retry or drop them goes to the log.

Only the fold writes the quarantine itself, so that a rebuild repeats each retry and each drop.
"""

from projector.decisions.decision import Folded
from projector.quarantine.entry import QuarantinedEntry, QuarantinedField
from projector.quarantine.quarantine import Quarantine

__all__ = ["Folded", "Quarantine", "QuarantinedEntry", "QuarantinedField"]
