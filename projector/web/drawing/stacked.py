"""Stacked bars on a grid: what the charts with two axes are made of."""

from dataclasses import dataclass
from itertools import count

from markupsafe import Markup

from projector.web.drawing.svg import bar, element, image

_TOP, _LEFT, _WIDE, _TALL = 20, 48, 576, 136


@dataclass(frozen=True, slots=True)
class Stack:
    """How many passed, failed and are dead. `at` (epoch ms) lets a script tell `under` in the reader's zone."""

    title: str
    under: str
    parts: tuple[int, ...]
    at: int | None = None
    kind: str | None = None


def stacked(stacks: list[Stack], label: str, *, marks: dict[str, float]) -> Markup:
    """`marks` are lines that stand at a share of the width, 0 to 1, by what they say."""
    most = max((sum(stack.parts) for stack in stacks), default=0)
    if not most:
        return image("640 180", label, [_text("nothing ran", 320, 90)])
    drawn, bottom, slot = [], _TOP + _TALL, _WIDE / len(stacks)
    top = next(n * 10**power for power in count() for n in (2, 4, 6, 8, 10) if n * 10**power >= most)
    for mark in (0, top // 2, top):
        y, thousands = bottom - mark / top * _TALL, (len(str(mark)) - 1) // 3
        drawn.append(element("line", class_="grid", x1=_LEFT, y1=y, x2=_LEFT + _WIDE, y2=y))
        drawn.append(_text(f"{mark // 1000**thousands}{['', *'kMGTPE'][thousands]}", _LEFT - 6, y + 4, "end"))
    for at, stack in enumerate(stacks):
        x, height, bars = _LEFT + at * slot, 0.0, []
        for kind, part in zip(("bar", "bar failed", "bar dead"), stack.parts, strict=False):
            if part:
                tall = max(1.5, part / top * _TALL)  # one failure among a million runs can be seen
                bars.append(bar(kind, x, bottom - height, slot, tall))
                height += tall
        if bars:
            drawn.append(element("g", element("title", stack.title), *bars, class_=stack.kind))
        if at in {len(stacks) * eighth // 8 for eighth in (1, 3, 5, 7)}:
            drawn.append(_text(stack.under, x + slot / 2, bottom + 18, at=stack.at))
    for told, share in marks.items():
        x = _LEFT + share * _WIDE
        drawn.append(element("line", element("title", told), class_="marker", x1=x, y1=_TOP, x2=x, y2=bottom))
    return image("640 180", label, [*drawn, _text(" · ".join(marks), _LEFT + _WIDE, 13, "end")])


def _text(words: str, x: float, y: float, anchor: str = "middle", *, at: int | None = None) -> Markup:
    return element("text", words, class_="label" if at is None else "time", x=x, y=y, text_anchor=anchor, data_at=at)
