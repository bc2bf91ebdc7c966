"""Elements of SVG, in which everything is escaped, and the frame that all charts have."""

from collections.abc import Iterable

from markupsafe import Markup, escape

from producer.text.wording import visible


def element(name: str, *children: Markup | str, **attributes: object) -> Markup:
    """`class_` is written as class, `data_at` as data-at; an attribute that is None is left out."""
    told = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items() if value is not None}
    short = {key: round(value, 1) if isinstance(value, float) else value for key, value in told.items()}
    written = "".join(f' {key}="{escape(value)}"' for key, value in short.items())
    return Markup(f"<{name}{written}>{''.join(map(escape, children))}</{name}>")


def image(size: str, label: str, children: Iterable[Markup], *, kind: str = "chart") -> Markup:
    """As wide as its surroundings; `label` says what it shows to those who do not see it."""
    return element("svg", *children, class_=kind, viewBox=f"0 0 {size}", role="img", aria_label=visible(label))


def bar(kind: str, x: float, bottom: float, width: float, tall: float) -> Markup:
    return element("rect", class_=kind, x=x + width * 0.1, y=bottom - tall, width=width * 0.8, height=tall)
