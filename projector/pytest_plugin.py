"""The pytest plugin of execution-wal: the fixture `execution_wal`, for tests of engines.

    def test_a_failed_notification_is_recorded(execution_wal):
        engine = Engine(producer=execution_wal.producer)
        engine.notify()
        execution_wal.project()
        assert execution_wal.query.action_stats("notify").failures == 1

Every pytest run of an environment loads this module, so it loads fakeredis only when a test uses the fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import pytest

from producer.text.extra import needing

if TYPE_CHECKING:
    from projector.testing import InMemoryWal


@pytest.fixture
def execution_wal() -> Iterator[InMemoryWal]:
    """A write-ahead log in memory, on fakeredis, fresh for each test.

    `execution_wal.producer` records, or the engine's own `Producer(execution_wal.client)`;
    `execution_wal.project()` projects, `execution_wal.query` reads.
    """
    with needing("the fixture execution_wal", "testing", partial(pytest.fail.Exception, pytrace=False)):
        from projector.testing import InMemoryWal
    with closing(InMemoryWal()) as wal:
        yield wal
