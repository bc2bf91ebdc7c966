"""Where an embedded server keeps its data by default."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from producer.connection.location import user_directory


def default_directory(environ: Mapping[str, str]) -> Path:
    """`$XDG_DATA_HOME/execution-wal`, else `~/.local/share/execution-wal`; it need not exist."""
    return user_directory(environ, "XDG_DATA_HOME", ".local/share")
