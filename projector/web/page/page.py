"""A page: what it is called, where it is, what fills its template."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """At `path`, filled by what `fill` returns. It stands among the links of each page unless it is `hidden`. It may
    need all actions, all that runs, all failures by kind for some arguments, or what the doctor has found."""

    path: str
    title: str
    template: str
    fill: Callable[..., dict[str, Any]]
    hidden: bool = False
    needs_actions: bool = False
    needs_running: bool = False
    needs_kinds: Callable[[Mapping[str, str]], bool] = lambda _: False
    needs_doctor: bool = False
