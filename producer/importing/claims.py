"""What an import may claim as acknowledged: all that a file skips, but not what bad lines have lost."""

from __future__ import annotations

from collections.abc import Callable

from producer.importing.line import BadLine, Importable, OtherType

__all__ = ["Claims"]

PASSED_OVER = "a mended copy would not add it, since what comes next is of another type"
RENAMED = "a mended copy would count as another file, since it begins with it"

Tell = Callable[[int, str], None]
"""Takes a line's number, and what else is to be said of it."""


class Claims:
    """Goes along with the lines of each machine, in the order of their numbers.

    An entry claims all numbers below its own: `acked` is one less. Where a bad line comes before it, the claim ends
    below that, so that the number shows as missing, and a mended copy of the file fills the gap. But a claim covers
    all numbers up to it: where lines of other types follow the bad one, those are claimed, and it is with them.
    """

    def __init__(self) -> None:
        self._lost_from: dict[str, int] = {}
        self._lines: dict[str, list[int]] = {}
        self._passed_over: dict[str, list[int]] = {}

    def begin_file(self) -> None:
        """Another file may carry on with a machine's numbers; the lines are others."""
        self._lines.clear()
        self._passed_over.clear()

    def bad(self, number: int, content: BadLine, lost_from: int) -> None:
        """Line `number` is bad. Where it does not say whose it is, the next line shows what is absent: from
        `lost_from` on, 0 for nothing."""
        self._lines.setdefault(content.by, []).append(number)
        if content.seq:
            self._lost_from.setdefault(content.by, lost_from or content.seq)

    def skip(self, content: OtherType) -> None:
        """An operation of another type: it will be claimed, and all that came before."""
        if content.by:
            self._lost_from.pop(content.by, None)
            self._passed_over.setdefault(content.by, []).extend(self._lines_before(content.by))

    def acked(self, content: Importable, lost_from: int, name: str, tell: Tell) -> int:
        """What an operation may claim. `lost_from` is its line's, too, and `name` the file's own. Tells of bad lines
        whose number it claims."""
        lost_from = min(lost_from or content.seq, self._lost_from.pop(content.by, content.seq))
        for number in self._passed_over.pop(content.by, ()):
            tell(number, PASSED_OVER)
        for number in self._lines_before(content.by):
            if content.by == name and lost_from == content.seq:  # it came before the first operation
                tell(number, RENAMED)
        return lost_from - 1

    def _lines_before(self, by: str) -> list[int]:
        """Those that are bad, since the latest line of `by`."""
        return self._lines.pop(by, []) + self._lines.pop("", [])
