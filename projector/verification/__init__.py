"""Verification: the log folded anew, in memory, and compared with the projection key by key."""

from projector.verification.differences import Difference
from projector.verification.verification import Verification, verify

__all__ = ["Difference", "Verification", "verify"]
