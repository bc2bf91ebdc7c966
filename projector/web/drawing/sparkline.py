"""A few numbers as a line that fits beside a word."""

from collections.abc import Sequence

from markupsafe import Markup

from projector.web.drawing.svg import bar, element, image


def sparkline(values: Sequence[int], *, failures: Sequence[int] = (), label: str) -> Markup:
    """The line of `values`, and below it as bars how many of each were `failures`."""
    scale, slot = 22 / max([1, *values, *failures]), 120 / max(1, len(values))
    bars = [bar("bar failed", at * slot, 23, slot, max(1.5, n * scale)) for at, n in enumerate(failures) if n]
    steps = [f"{(at + edge) * slot:.1f},{23 - n * scale:.1f}" for at, n in enumerate(values) for edge in (0, 1)]
    line = element("polyline", class_="line", points=" ".join(steps), fill="none")
    return image("120 24", label, [*bars, line], kind="chart sparkline")
