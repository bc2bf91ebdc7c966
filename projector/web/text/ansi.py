"""What a run printed, with its colours and nothing else that a terminal would obey.

A colour becomes the class of a span. What would move the cursor, set a title or link somewhere is left out. Control
characters, and those that turn the direction of a line, can be seen. A carriage return is a line break: a progress
bar shows each of its states, because what a terminal overwrites was printed all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from markupsafe import Markup, escape

_MOST_SPANS = 400
"""Of text that changes its colour with each character a page would be many times as long; the rest is plain."""
_RETURN = re.compile(r"\r+\n|\r")
_SEQUENCE = re.compile(
    r"\x1b(?:"
    r"\[(?P<given>[0-?]*)(?P<kind>[ -/]*[@-~])"  # CSI, of which SGR is the kind "m"
    r"|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # OSC and the like; one without an end hides no more than its line
    r"|[ -/]*[0-Z\\-~]"
    r")"
)
_TURNING = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_SEEN = (
    {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"}
    | {0x7F: "\u2421"}
    | {code: f"\\x{code:02x}" for code in range(0x80, 0xA0)}
    | {code: f"\\u{code:04x}" for code in _TURNING}
    | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")  # half a character has no UTF-8
)

_HUES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_COLOURS = (*_HUES, *(f"bright-{hue}" for hue in _HUES))
_PALETTE = (
    *((0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0)),
    *((0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229)),
    *((127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0)),
    *((92, 92, 255), (255, 0, 255), (0, 255, 255), (255, 255, 255)),
)
"""xterm's, in the order of the colours."""
_LEVELS = (0, 95, 135, 175, 215, 255)
"""Of red, green and blue in the cube of 216 colours."""
_ON = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse", 9: "strike", 21: "underline"}
_OFF = {22: {"bold", "dim"}, 23: {"italic"}, 24: {"underline"}, 27: {"reverse"}, 29: {"strike"}}
_ATTRIBUTES = tuple(dict.fromkeys(_ON.values()))


def coloured(text: str) -> Markup:
    """`text` for the inside of an element that keeps white space; its classes are `fg-red`, `bg-bright-blue`, `bold`,
    `dim`, `italic`, `underline`, `reverse`, `strike`."""
    parts: list[str] = []
    spans = 0
    for classes, piece in _pieces(_RETURN.sub("\n", text)):
        inner = escape(piece.translate(_SEEN))
        if classes and spans < _MOST_SPANS:
            spans += 1
            inner = Markup('<span class="{}">{}</span>').format(classes, inner)
        parts.append(inner)
    return Markup("").join(parts)


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """The classes of each piece of the text, and the piece; neighbours differ in their classes."""
    style, classes, pending, at = _Style(), "", "", 0
    for found in _SEQUENCE.finditer(text):
        pending += text[at : found.start()]
        at = found.end()
        if found["kind"] == "m":
            style = style.after(found["given"])
            if style.classes != classes:
                if pending:
                    yield classes, pending
                    pending = ""
                classes = style.classes
    if rest := pending + text[at:]:
        yield classes, rest


@dataclass(frozen=True, slots=True)
class _Style:
    fg: int | None = None
    bg: int | None = None
    attributes: frozenset[str] = frozenset()

    @property
    def classes(self) -> str:
        found = [] if self.fg is None else [f"fg-{_COLOURS[self.fg]}"]
        if self.bg is not None and self.bg != self.fg:  # text in the colour of its ground would be hidden
            found.append(f"bg-{_COLOURS[self.bg]}")
        return " ".join([*found, *(name for name in _ATTRIBUTES if name in self.attributes)])

    def after(self, given: str) -> _Style:
        """With what the parameters of an SGR sequence say; what they do not say right, or hide, changes nothing."""
        style = self
        groups = iter(given.split(";") if given[:1] not in ("<", "=", ">", "?") else ())  # those are a terminal's own
        for group in groups:
            first, *rest = group.split(":")
            code = _number(first)
            if code in (38, 48):
                if not rest:
                    mode = next(groups, "")
                    rest = [mode, *(next(groups, "none") for _ in range({"5": 1, "2": 3}.get(mode, 0)))]
                colour = _colour_of(rest)
                if colour is not None:
                    style = replace(style, fg=colour) if code == 38 else replace(style, bg=colour)
            elif code == 4 and rest == ["0"]:
                style = style.simple(24)
            else:
                style = style.simple(code)
        return style

    def simple(self, code: int) -> _Style:
        """After a parameter that stands for itself."""
        hue, ground = code % 10, code - code % 10
        if code == 0:
            return _Style()
        if code in _ON:
            return replace(self, attributes=self.attributes | {_ON[code]})
        if code in _OFF:
            return replace(self, attributes=self.attributes - _OFF[code])
        if ground in (30, 90) and hue < 8:
            return replace(self, fg=hue + (8 if ground == 90 else 0))
        if ground in (40, 100) and hue < 8:
            return replace(self, bg=hue + (8 if ground == 100 else 0))
        if code == 39:
            return replace(self, fg=None)
        return replace(self, bg=None) if code == 49 else self


def _number(digits: str) -> int:
    """0 for none; -1 for what is no small number."""
    if not digits:
        return 0
    return int(digits) if len(digits) < 5 and digits.isdecimal() else -1


def _colour_of(given: list[str]) -> int | None:
    """The nearest of the 16 to what follows 38 or 48: `5, n` or `2, r, g, b`, or a colour space before these."""
    mode, *numbers = given
    values = [_number(each) for each in numbers]
    if mode == "5" and values and 0 <= values[0] < 256:
        return _of_256(values[0])
    red_green_blue = values[1:4] if len(values) > 3 else values
    if mode == "2" and len(red_green_blue) == 3 and all(0 <= each < 256 for each in red_green_blue):
        return _nearest(*red_green_blue)
    return None


def _of_256(number: int) -> int:
    if number < 16:
        return number
    if number >= 232:
        grey = 8 + 10 * (number - 232)
        return _nearest(grey, grey, grey)
    red, rest = divmod(number - 16, 36)
    return _nearest(_LEVELS[red], _LEVELS[rest // 6], _LEVELS[rest % 6])


def _nearest(*wanted: int) -> int:
    def distance(number: int) -> int:
        return sum((one - other) ** 2 for one, other in zip(wanted, _PALETTE[number], strict=True))

    return min(range(len(_PALETTE)), key=distance)
