"""The module of zstd: of the standard library from Python 3.14 on, before that its backport."""

import sys
from importlib import import_module
from typing import Any


def zstd() -> Any:
    """Imported by who compresses, because few processes do."""
    return import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
