"""The ground of a chart with two axes: where its bars stand, and the grid behind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from markupsafe import Markup

from projector.web.drawing.scale import compact, ticks
from projector.web.drawing.svg import line, rect, text

WIDTH = 640
_LEFT, _RIGHT, _BELOW = 48, 16, 24
_LEAST = 1.5
"""What there is at all can be seen: one failure among a million runs."""


@dataclass(frozen=True, slots=True)
class Plot:
    """Counts up to `most`, in an image of `height`, with `above` left free on top."""

    most: int
    height: int = 180
    above: int = 12

    @property
    def bottom(self) -> int:
        return self.height - _BELOW

    def x(self, share: float) -> float:
        """Where a share of the width, 0 to 1, lies."""
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def grid(self) -> Iterator[Markup]:
        marks = ticks(self.most)
        for mark in marks:
            y = self.bottom - self._tall(mark, marks[-1])
            yield line("grid", _LEFT, y, WIDTH - _RIGHT, y)
            yield text(compact(mark), _LEFT - 6, y + 4, "end")

    def stack(self, begin: float, end: float, parts: Iterable[tuple[str, int]]) -> Iterator[Markup]:
        """A bar between two shares of the width, of parts with a class and a count each, the lowest first."""
        y: float = self.bottom
        top = ticks(self.most)[-1]
        for kind, count in parts:
            if count > 0:
                tall = max(_LEAST, self._tall(count, top))
                y -= tall
                yield rect(kind, self.x(begin), y, self.x(end) - self.x(begin), tall)

    def below(self, words: str, share: float, *, kind: str = "label", at: int | None = None) -> Markup:
        """A text at the axis."""
        return text(words, self.x(share), float(self.height - 6), "middle", kind=kind, at=at)

    def nothing(self) -> Markup:
        return text("nothing ran", WIDTH / 2, self.height / 2, "middle")

    def _tall(self, count: int, top: int) -> float:
        return count / top * (self.bottom - self.above)
