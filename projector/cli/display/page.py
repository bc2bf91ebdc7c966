"""What a command prints for a person, rendered as wide as standard output is, and coloured where it is a terminal."""

from __future__ import annotations

import os
from io import StringIO

from rich.console import Console, Group, RenderableType

from producer.terminal.stdout import is_terminal

_PIPED_WIDTH = 240
"""Columns where no terminal says how many: room for grep, yet no line padded to the length of an error."""


def page(*parts: RenderableType, console: Console | None = None) -> str:
    """The parts below each other, as text."""
    console = console or page_console()
    with StringIO() as text:
        console.file = text
        console.print(Group(*parts))
        # Tables fill their last column with blanks: nothing that a person or grep would want.
        return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def page_console(width: int | None = None) -> Console:
    """Renders texts literally. `width` in columns, else the terminal's."""
    terminal = is_terminal()
    if width is None and not terminal and "COLUMNS" not in os.environ:
        width = _PIPED_WIDTH  # else rich would take the width of the terminal that stderr or stdin is
    return Console(width=width, force_terminal=terminal or None, markup=False, highlight=False, emoji=False)
