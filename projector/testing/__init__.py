"""For tests of engines: log and projection in memory. `projector/pytest_plugin.py` has the fixture."""

from __future__ import annotations

from projector.testing.in_memory_wal import InMemoryWal

__all__ = ["InMemoryWal"]
