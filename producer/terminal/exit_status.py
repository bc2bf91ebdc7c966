"""The exit statuses of `producer` and `projector`, and the errors that end a command with each of them."""

from __future__ import annotations

import os
from collections.abc import Mapping

from producer.errors import (
    InvalidOperation,
    InvalidSettings,
    Unacknowledged,
    Unavailable,
    UnusableServer,
    WalError,
    WalRefused,
)

FAILED = 1
"""The command found something wrong, or the server, the disk or an entry refused what was asked."""
USAGE = 2
ELSEWHERE = 3
"""All that is left in the spool waits for another server."""
BUG = os.EX_SOFTWARE
TRY_AGAIN = os.EX_TEMPFAIL

Statuses = Mapping[type[Exception], int]
"""The exit status of each kind of error; the first kind that an error is of decides."""

PRODUCER: Statuses = {
    InvalidSettings: USAGE,
    InvalidOperation: USAGE,
    UnusableServer: USAGE,
    WalRefused: FAILED,
    Unacknowledged: TRY_AGAIN,
    Unavailable: FAILED,
    OSError: FAILED,
    Exception: BUG,
}
PROJECTOR: Statuses = {
    InvalidSettings: USAGE,
    WalError: FAILED,
    OSError: FAILED,
}
