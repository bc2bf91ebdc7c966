"""Moments as a report tells them, and texts from the log made fit for a terminal."""

from producer.text.wording import visible as visible
from projector.answers.wording.amounts import ago, clock_time
from projector.cli.options import View


def when(moment: int | None, view: View) -> str:
    """`12 s ago, 2026-09-21 14:13:08 UTC`, or `never`."""
    return "never" if moment is None else f"{ago(moment, view.now)}, {clock_time(moment, utc=view.utc)}"
