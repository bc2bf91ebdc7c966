"""Verification: the log folded anew, in memory, and compared with the projection key by key."""

from projector.verification.verification import Difference, Verification, verify

__all__ = ["Difference", "Verification", "verify"]
