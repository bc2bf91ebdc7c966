"""Elements of SVG, in which everything is escaped, and the frame that all charts have."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

from producer.text.wording import visible


def element(name: str, *children: Markup | str, **attributes: object) -> Markup:
    """`class_` is written as class, `data_at` as data-at; an attribute that is None is left out."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(escape(child) for child in children)
    return Markup(f"<{name}{told}>{inner}</{name}>" if inner else f"<{name}{told}/>")


def image(width: int, height: int, label: str, children: Iterable[Markup], *, kind: str = "chart") -> Markup:
    """A whole chart, as wide as its surroundings; `label` says what it shows to those who do not see it."""
    box = f"0 0 {width} {height}"
    return element("svg", *children, class_=kind, viewBox=box, role="img", aria_label=visible(label))


def text(words: str, x: float, y: float, anchor: str, *, kind: str = "label", at: int | None = None) -> Markup:
    """`at`, epoch ms, lets a script tell it in the reader's zone."""
    return element("text", visible(words), class_=kind, x=x, y=y, text_anchor=anchor, data_at=at)


def rect(kind: str, x: float, y: float, width: float, height: float) -> Markup:
    return element("rect", class_=kind, x=x, y=y, width=width, height=height)


def line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return element("line", class_=kind, x1=x1, y1=y1, x2=x2, y2=y2)


def short(number: float) -> str:
    """A coordinate: no finer than can be seen."""
    return f"{number:.1f}".removesuffix(".0")


def _value(value: object) -> str:
    return short(value) if isinstance(value, float) else str(value)
