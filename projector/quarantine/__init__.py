"""The quarantine: entries that could not be folded are read, and the decision to retry or drop them goes to the log.

Only the fold writes the quarantine itself, so that a rebuild repeats each retry and each drop.
"""

from projector.decisions.decision import Attempt, Folded
from projector.quarantine.entry import QuarantinedEntry, QuarantinedField
from projector.quarantine.quarantine import Quarantine

__all__ = ["Attempt", "Folded", "Quarantine", "QuarantinedEntry", "QuarantinedField"]
