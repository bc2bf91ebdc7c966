"""A few numbers as a line that fits beside a word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from projector.web.drawing.svg import element, image, rect, short

_WIDTH, _HEIGHT = 120, 24
_MOST = 60


def sparkline(values: Sequence[int], *, failures: Sequence[int] = (), label: str) -> Markup:
    """The line of `values`, and below it as bars how many of each were `failures`."""
    size = -(-len(values) // _MOST) or 1
    line, failed = _summed(values, size), _summed(failures[: len(values)], size)
    drawn = _drawn(line, failed, max([1, *line, *failed])) if line else iter(())
    return image(_WIDTH, _HEIGHT, label, drawn, kind="chart sparkline")


def _summed(values: Sequence[int], size: int) -> list[int]:
    return [sum(values[at : at + size]) for at in range(0, len(values), size)]


def _drawn(line: Sequence[int], failed: Sequence[int], most: int) -> Iterator[Markup]:
    slot = _WIDTH / len(line)
    for at, count in enumerate(failed):
        if count > 0:
            tall = max(1.5, count / most * (_HEIGHT - 2))
            yield rect("bar failed", (at + 0.1) * slot, _HEIGHT - 1 - tall, 0.8 * slot, tall)
    heights = [short(_HEIGHT - 1 - max(0, value) / most * (_HEIGHT - 2)) for value in line]
    places = [short((at + 0.5) * slot) for at in range(len(line))]
    if len(line) == 1:  # a single point would be none
        heights, places = heights * 2, ["0", str(_WIDTH)]
    points = " ".join(f"{x},{y}" for x, y in zip(places, heights, strict=True))
    yield element("polyline", class_="line", points=points, fill="none")
