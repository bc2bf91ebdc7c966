"""What a command prints for a person, rendered as wide as standard output is, and coloured where it is a terminal."""

import os
from io import StringIO

from rich.console import Console, Group, RenderableType

from producer.terminal.stdout import is_terminal
from projector.cli.options import View

_PIPED_WIDTH = 240
"""Columns where no terminal says how many: room for grep, yet no line padded to the length of an error."""
_UNFOLDED = 1_000_000
"""Columns where no terminal says how many, and grep shall find whole texts."""


def page(*parts: RenderableType, console: Console | None = None) -> str:
    """The parts below each other, as text."""
    console = console or page_console()
    with StringIO() as text:
        console.file = text
        console.print(Group(*parts), crop=False)  # tables may be wider, if asked to
        # Tables fill their last column with blanks: nothing that a person or grep would want.
        return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def page_console(view: View | None = None) -> Console:
    """Renders texts literally, as wide as `view` says."""
    terminal = is_terminal()
    view = view or View()
    width = view.width
    if width is None and not terminal and "COLUMNS" not in os.environ:
        # Else rich would take the width of the terminal that stderr or stdin is.
        width = _UNFOLDED if view.no_trunc else _PIPED_WIDTH
    return Console(width=width, force_terminal=terminal or None, markup=False, highlight=False, emoji=False)
