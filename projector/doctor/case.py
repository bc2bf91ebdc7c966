"""The case that is examined: what the checks look at, asked for once, when the first of them wants it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property

from projector.doctor.inquiry import Inquiry
from projector.doctor.look import Look, look
from projector.keys import Keys

__all__ = ["Case"]


class Case:
    """A server and a namespace. Between its two looks lie `seconds`, which only a check that needs both waits for."""

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
        """The second one: what has moved since the first?"""
        _ = self.look
        self._sleep(self.seconds)
        return look(self.inquiry, self.keys)
