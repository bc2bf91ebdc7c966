"""The case that is examined: each reply that several checks look at, asked for once."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property

from projector.doctor.inquiry import Inquiry
from projector.doctor.look import Look, look
from projector.keys import Keys


class Case:
    """A server and a namespace, looked at once, or twice with `seconds` between, if a check needs to compare."""

    def __init__(
        self, inquiry: Inquiry, namespace: str, *, seconds: float, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.inquiry = inquiry
        self.namespace = namespace
        self.keys = Keys(namespace)
        self.seconds = seconds
        self._sleep = sleep

    @cached_property
    def info(self) -> dict[str, str]:
        """INFO, by field."""
        lines = self.inquiry.ask("INFO").decode("utf-8", "replace").splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    @cached_property
    def look(self) -> Look:
        return look(self.inquiry, self.keys)

    @cached_property
    def later_look(self) -> Look:
        """The second look."""
        _ = self.look
        self._sleep(self.seconds)
        return look(self.inquiry, self.keys)
