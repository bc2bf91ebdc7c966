"""Few names a bucket and few kinds an action, in the fold and in the model: arbitrary logs reach these bounds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from projector.fold import history
from projector.fold.failures import failed_runs
from projector.fold.rollups import buckets
from tests.support.fold.model import Model

__all__ = ["few_names_and_kinds"]


@contextmanager
def few_names_and_kinds(most: int, in_memory: int = 20_000) -> Iterator[None]:
    """At most so many of both; a history keeps `in_memory` kinds in memory between commits."""
    with (
        mock.patch.object(buckets, "MAX_NAMES", most),
        mock.patch.object(failed_runs, "MAX_KINDS", most),
        mock.patch.object(history, "_KINDS_IN_MEMORY", in_memory),
        mock.patch.multiple(Model, most_names=most, most_kinds=most),
    ):
        yield
