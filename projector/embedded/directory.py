"""Where an embedded server keeps its data when nothing else is said."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["default_directory"]


def default_directory(environ: Mapping[str, str]) -> Path:
    """`$XDG_DATA_HOME/execution-wal`, else `~/.local/share/execution-wal`; it need not exist."""
    data = environ.get("XDG_DATA_HOME", "")
    if not os.path.isabs(data):  # the XDG specification: a relative path is to be ignored
        data = os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".local", "share")
    return Path(data, "execution-wal")
