"""What can go wrong on the write side.

    WalError
    ├── InvalidOperation (ValueError)    arguments that make no valid operation; nothing was sent
    │   └── UndecodableOperation         bytes that are no valid operation; keeps them
    ├── UnusableServer (ValueError)      a URL, client or namespace that cannot be used, and the cure
    └── Unavailable                      what was to be recorded could not be, as it was asked
        ├── WalUnavailable               no acknowledgement in time: it may or may not have landed
        │   ├── WalRefused               the server said no: it has not landed
        │   └── NotYetDurable            it has landed, but is not as safe as was asked
        ├── SpoolFull                    as much waits in the spool as may: it was not recorded
        ├── SpoolUnusable                the spool's file or directory cannot be used, and why
        │   └── SpoolDamaged             what stands in the file is not what was written there
        └── BufferFull                   as much waits in memory as may: it was not recorded

The projector's errors (`projector/errors.py`) grow from the same root.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from producer.operations import Operation
    from producer.receipt import Receipt

__all__ = [
    "BufferFull",
    "InvalidOperation",
    "NotYetDurable",
    "SpoolDamaged",
    "SpoolFull",
    "SpoolUnusable",
    "Unavailable",
    "UndecodableOperation",
    "UnusableServer",
    "WalError",
    "WalRefused",
    "WalUnavailable",
]


class WalError(Exception):
    """The root of every error that execution-wal raises on purpose."""


class InvalidOperation(WalError, ValueError):
    """An operation that the contract does not allow; no sequence number was used, nothing was sent.

    `field` is the offending field (empty for the whole), `expected` and `found` say it in words.
    """

    def __init__(self, field: str, expected: str, found: str) -> None:
        self.field = field
        self.expected = expected
        self.found = found
        super().__init__(
            f"{field}: expected {expected}, found {found}" if field else f"expected {expected}, found {found}"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (type(self), self.args, self.__dict__)


class UndecodableOperation(InvalidOperation):
    """Bytes that are no operation of the contract; `raw` keeps them."""

    def __init__(self, field: str, expected: str, found: str, *, raw: bytes) -> None:
        super().__init__(field, expected, found)
        self.raw = raw


class UnusableServer(WalError, ValueError):
    """A URL, client or namespace that cannot carry a write-ahead log, or not as safely; the text names the cure."""


class Unavailable(WalError):
    """What was to be recorded could not be, as it was asked: not now, not here. Each kind says more."""


class WalUnavailable(Unavailable):
    """No acknowledgement within the producer's timeout: the operation may or may not have landed.

    `producer.resend(error)` repeats it under the same sequence number, so that it counts once.
    `receipt.entry_id` is None. `acked` is the claim that the entry carries on the wire.
    """

    _WHAT = "was not acknowledged"

    def __init__(self, reason: str, *, operation: Operation, receipt: Receipt, acked: int) -> None:
        self.reason = reason
        self.operation = operation
        self.receipt = receipt
        self.acked = acked
        super().__init__(
            f"{operation.type} {self._WHAT} ({receipt.by} seq {receipt.seq}): {reason}; "
            "producer.resend(error) repeats it without counting twice"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (type(self), self.args, self.__dict__)


class WalRefused(WalUnavailable):
    """The server answered with a refusal (no permission, wrong type of key): the operation has not landed."""


class NotYetDurable(WalUnavailable):
    """The operation is in the log (`receipt.entry_id`), but not, or not in time, as safe as was asked for.

    `producer.resend(error)` tries again, without counting twice.
    """

    _WHAT = "is in the log, but not as safe as was asked for"


class SpoolFull(Unavailable):
    """As many bytes wait in the spool as may, or for as long as they may. No number was used up."""


class SpoolUnusable(Unavailable):
    """The spool's file or directory cannot be written or read: the disk is full, read-only or damaged.

    Nothing was overwritten, and no number was used up.
    """


class SpoolDamaged(SpoolUnusable):
    """A file of the spool holds what was not written there. What is intact of it is saved, and goes on from there."""


class BufferFull(Unavailable):
    """As many operations wait in memory as may, and none left in time. No number was used up."""


def _remade(kind: type[WalError], args: tuple[Any, ...], attributes: dict[str, Any]) -> WalError:
    """An error as it was pickled: one that cannot be read back would hang the pool whose worker raised it."""
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error
