"""The exit statuses of `producer` and `projector`, and the errors that end a command with each of them."""

import os

from producer.errors import WalRefused

FAILED = 1
"""The command found something wrong, or nothing; or the log, the disk or an entry does not allow what was asked."""
USAGE = 2
UNKNOWN = 3
"""Of a monitoring plugin: there is no answer. Its 1 and 2 are WARNING and CRITICAL."""
UNREACHABLE = os.EX_UNAVAILABLE
"""The server cannot be reached, or this account may not ask it."""
BUG = os.EX_SOFTWARE
TRY_AGAIN = os.EX_TEMPFAIL
EPILOG = (
    f"Exit status: 0 good, {FAILED} something is wrong, {USAGE} usage, {UNREACHABLE} the server cannot be reached or "
    f"this account may not ask, {TRY_AGAIN} try again, {BUG} a bug of this program."
)

_STATUSES = {
    "InvalidSettings": USAGE,
    "InvalidOperation": USAGE,
    "StartNotSought": UNREACHABLE,
    "InvalidQuery": USAGE,
    "UnusableServer": USAGE,
    "ServerUnavailable": UNREACHABLE,
    "ArchiveUnavailable": UNREACHABLE,
    "ServerRefused": UNREACHABLE,
    "Superseded": TRY_AGAIN,
    "WalRefused": FAILED,
    "Unacknowledged": TRY_AGAIN,
    "WalError": FAILED,
    "OSError": FAILED,
}
"""By the name of an error's class, because the write side does not know the read side's classes."""


def status_of(error: Exception) -> int:
    """The status of the most special class of `error` that has one; an error that nobody foresaw is a bug."""
    from producer.connection.words import cure_of  # loads redis-py, and few commands end in an error

    if isinstance(error, WalRefused) and cure_of(error.reason):
        return UNREACHABLE
    return next((_STATUSES[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in _STATUSES), BUG)
