"""What a worker's process tells of itself, which may break off in the middle of a line."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from projector.bounds import Bounds
from projector.fleet.making import Settings
from projector.fleet.processes import Order, Worker
from projector.metrics.commits import Activity
from projector.retention import Retention
from tests.support.servers import eventually

TELLS = """#!/bin/sh
echo odd
echo '{"figures":{"a":{"active":true}}}'
cat > /dev/null
printf '{"figures":{"a'
"""


def test_neither_an_odd_line_nor_half_a_line_keeps_the_parent_from_hearing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "python"
    script.write_text(TELLS)
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    chosen = {"namespaces": ["a"], "url": "redis://", "bounds": Bounds(), "lease_ttl": 5.0, "retention": Retention()}
    settings = msgspec.convert({**chosen, "seal_after": 600.0}, Settings)
    activity = Activity()
    worker = Worker(Order(number=1, settings=settings), activity)
    try:
        eventually(lambda: "a" in activity.figures(), what="its figures")
        assert activity.figures()["a"].active
    finally:
        worker.stop()
        worker.wait()
    eventually(lambda: not activity.figures()["a"].active, what="the end to be heard of")
