"""Counts drawn with blocks: bars of a table, and sparklines."""

from collections.abc import Sequence

from rich.text import Text

from projector.cli.display.tables import FAILURE

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEVELS = "▁▂▃▄▅▆▇█"


def bar(count: int, failures: int, *, most: int, width: int) -> Text:
    """`count` as a bar of at most `width` columns, which `most` fills; its end, for the failures, is red and `▒`."""
    if not count:
        return Text("")
    eighths = max(1, count * width * 8 // max(most, 1))
    failed = min(-(-failures * width // max(most, 1)), -(-eighths // 8))
    full, rest = divmod(eighths - 8 * failed, 8) if eighths > 8 * failed else (0, 0)
    return Text("█" * full + _EIGHTHS[rest].strip()) + Text("▒" * failed, style=FAILURE)


def sparkline(values: Sequence[int | None]) -> str:
    """A column for each value, as high as it is against the greatest; a blank where there is none, or 0."""
    most = max((value or 0 for value in values), default=0)
    return "".join(_LEVELS[(value * 8 - 1) // most] if value else " " for value in values)
