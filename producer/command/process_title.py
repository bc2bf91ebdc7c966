"""What `ps` shows of this process: its command line, which anybody on the machine may read."""

from __future__ import annotations

import re

__all__ = ["hide_passwords"]

_ACCOUNT = re.compile(rb"(?<=://)([^:@/\0]*:)([^\0]*)(?=@)")
_OPTION = re.compile(rb"([?&][^=&\0]*password=)([^&\0]*)", re.IGNORECASE)
_ARG_START, _ARG_END = 45, 46
"""Of the fields of /proc/self/stat behind the program's name: where the arguments lie in memory."""


def hide_passwords() -> None:
    """Overwrite the passwords of URLs in this process's own command line; `sys.argv` keeps them.

    On Linux; elsewhere, and where the kernel does not allow it, nothing is done. Until this is called they can be
    seen: a URL in WAL_URL never can, by another user.
    """
    try:
        with open("/proc/self/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
        start, end = int(fields[_ARG_START]), int(fields[_ARG_END])
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            memory.seek(start)
            found = memory.read(end - start)
            hidden = hidden_in(found)
            if hidden != found:
                memory.seek(start)
                memory.write(hidden)
    except (OSError, ValueError, IndexError, OverflowError):
        return


def hidden_in(arguments: bytes) -> bytes:
    """The arguments, each ended by a NUL, with as many stars in the place of each password as it has bytes."""
    return _OPTION.sub(_starred, _ACCOUNT.sub(_starred, arguments))


def _starred(found: re.Match[bytes]) -> bytes:
    return found[1] + b"*" * len(found[2])
