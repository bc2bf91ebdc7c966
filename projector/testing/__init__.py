"""For tests of engines: the whole system in memory, without a server. `projector/pytest_plugin.py` has a fixture."""

from __future__ import annotations

from projector.testing.in_memory_wal import InMemoryWal

__all__ = ["InMemoryWal"]
