"""What can go wrong on the projector's side.

WalError (producer.errors)
└── ProjectorError
    ├── InvalidQuery (ValueError)   an argument that makes no query
    ├── ServerUnavailable           Redis cannot be reached or does not answer: waiting repairs it
    ├── ServerRefused               the server said no (permission, password, unknown command): an operator repairs it
    ├── ConfigMismatch              the projection was made with another schema or configuration
    ├── Damaged                     somebody deleted, trimmed or replaced what is not theirs
    └── Superseded                  another projector or rebuild came first, or the connection broke: start over
"""

from __future__ import annotations

from producer.errors import WalError

__all__ = [
    "ConfigMismatch",
    "Damaged",
    "InvalidQuery",
    "ProjectorError",
    "ServerRefused",
    "ServerUnavailable",
    "Superseded",
]


class ProjectorError(WalError):
    """The root of the projector's errors."""


class InvalidQuery(ProjectorError, ValueError):
    """An argument that makes no query; nothing was sent."""

    def __init__(self, name: str, expected: str, found: object) -> None:
        super().__init__(f"{name}: expected {expected}, found {found!r}")


class ServerUnavailable(ProjectorError):
    """Redis cannot be reached, does not answer in time, or is loading: waiting repairs it."""


class ServerRefused(ProjectorError):
    """The server refuses, and waiting does not change that: a missing permission, a wrong password."""


class ConfigMismatch(ProjectorError):
    """The projection was made with another schema or other bounds; `projector rebuild` makes it anew."""


class Damaged(ProjectorError):
    """The log or the projection is not what the checkpoint says it is. The text names the command that
    repairs it."""


class Superseded(ProjectorError):
    """Another projector or rebuild came first, so this one drops its memory; starting over is safe."""
