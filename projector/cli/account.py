"""Who runs a command: what it puts on record has that as `by`."""

import os
import pwd
from contextlib import suppress


def account() -> str | None:
    """What USER says, and where it is not set (a container, cron) the account whose rights the process has; None for
    a number that no account has."""
    with suppress(KeyError):
        return os.environ.get("USER") or pwd.getpwuid(os.geteuid()).pw_name
    return None
