"""The errors of the write side.

    WalError
    ├── InvalidOperation (ValueError)    the arguments make no valid operation; nothing was sent
    │   └── UndecodableOperation         the bytes are no valid operation; the error keeps them
    ├── UnusableServer (ValueError)      the URL, client or namespace cannot be used; the text names the cure
    ├── InvalidSettings (ValueError)     the settings file of the command line cannot be used
    └── Unavailable                      the operation could not be recorded as was asked
        ├── Unacknowledged               it was sent, and `producer.resend(error)` repeats it
        │   ├── WalUnavailable           it may or may not have landed in the log
        │   ├── WalRefused               it has not landed
        │   └── NotYetDurable            it has landed, but is less safe than was asked
        ├── SpoolFull                    the spool holds as much as it may; nothing was recorded
        ├── SpoolUnusable                the spool's file or directory cannot be used
        │   └── SpoolDamaged             the spool's file holds bytes that no producer wrote
        └── BufferFull                   the buffer holds as much as it may; nothing was recorded

The projector's errors (`projector/errors.py`) grow from the same root.
"""

from __future__ import annotations

import copyreg
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from producer.identity import Receipt

__all__ = [
    "BufferFull",
    "InvalidOperation",
    "InvalidSettings",
    "NotYetDurable",
    "SpoolDamaged",
    "SpoolFull",
    "SpoolUnusable",
    "Unacknowledged",
    "Unavailable",
    "UndecodableOperation",
    "UnusableServer",
    "WalError",
    "WalRefused",
    "WalUnavailable",
]


class WalError(Exception):
    """The root of every error that execution-wal raises on purpose. Each survives pickling with its attributes."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own way calls the class with `args`; a pool of processes hangs over an error whose class wants
        # other arguments.
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class InvalidOperation(WalError, ValueError):
    """The contract does not allow the operation. Nothing was sent, and no sequence number was used.

    `field` is the offending field (empty for the whole operation); `expected` and `found` are words.
    """

    def __init__(self, field: str, expected: str, found: str) -> None:
        self.field = field
        self.expected = expected
        self.found = found
        super().__init__(f"{field + ': ' if field else ''}expected {expected}, found {found}")


class UndecodableOperation(InvalidOperation):
    """The bytes `raw` are no operation of the contract."""

    def __init__(self, field: str, expected: str, found: str, *, raw: bytes) -> None:
        super().__init__(field, expected, found)
        self.raw = raw


class UnusableServer(WalError, ValueError):
    """A URL, client or namespace that cannot carry a write-ahead log, or not as safely; the text names the cure."""


class InvalidSettings(WalError, ValueError):
    """The settings file of a command line cannot be read, or holds what is no setting: the text names the key."""


class Unavailable(WalError):
    """The operation could not be recorded as was asked. The subclass says what is known of it."""


class Unacknowledged(Unavailable):
    """The operation was sent, and not acknowledged as was asked. `producer.resend(error)` repeats it: it counts once.

    `type` and `raw` are the operation's type and bytes, `acked` is the claim that its entry carries on the wire.
    `receipt.entry_id` is None unless the operation is known to have landed. `reason` says what went wrong, and where.
    """

    _FATE = "was not acknowledged"

    def __init__(self, reason: str, *, type: str, raw: bytes, receipt: Receipt, acked: int) -> None:
        self.reason = reason
        self.type = type
        self.raw = raw
        self.receipt = receipt
        self.acked = acked
        super().__init__(
            f"{type} {self._FATE} ({receipt.by} seq {receipt.seq}): {reason}; "
            "producer.resend(error) repeats it without counting twice"
        )


class WalUnavailable(Unacknowledged):
    """The server did not answer within the producer's timeout: the operation may or may not have landed."""


class WalRefused(Unacknowledged):
    """The server answered with a refusal (no permission, wrong type of key): the operation has not landed."""


class NotYetDurable(Unacknowledged):
    """The operation is in the log (`receipt.entry_id`), but not, or not in time, as safe as was asked."""

    _FATE = "is in the log, but not as safe as was asked for"


class SpoolFull(Unavailable):
    """As many bytes wait in the spool as may, or for as long as they may. No sequence number was used."""


class SpoolUnusable(Unavailable):
    """The spool's file or directory cannot be written or read: the disk is full, read-only or damaged.

    Nothing was overwritten, and no sequence number was used.
    """


class SpoolDamaged(SpoolUnusable):
    """A file of the spool holds bytes that no producer wrote. Its intact operations are saved elsewhere."""


class BufferFull(Unavailable):
    """As many operations wait in memory as may, and none left in time. No sequence number was used."""
