"""Many keys read at one instant by a script, which works where a MULTI does not: with memory full, the server queues
no command, not even a read."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

__all__ = ["Command", "eval_of"]

Command = tuple[str, bytes, *tuple[bytes | str | int, ...]]
"""A command's name, its key, and what else it takes."""


def eval_of(commands: Sequence[Command]) -> tuple[bytes | str | int, ...]:
    """EVAL_RO with its arguments, whose reply has those of `commands`, in order; an error stands in its place."""
    script = files("projector").joinpath("instant.lua").read_bytes()
    arguments: list[bytes | str | int] = []
    for name, _, *rest in commands:
        words = name.split()
        arguments += (len(words), *words, len(rest), *rest)
    return ("EVAL_RO", script, len(commands), *(key for _, key, *_ in commands), *arguments)
