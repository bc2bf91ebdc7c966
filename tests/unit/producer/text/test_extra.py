"""What is said where a package is not installed. That each extra is named rightly, the tests of its users say."""

from __future__ import annotations

import re
import sys
from importlib import import_module

import pytest

from producer.text.extra import needing
from tests.support.extras import lack_of


def test_a_package_that_is_not_installed_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client.core", None)
    monkeypatch.delitem(sys.modules, "producer.metrics.collector", raising=False)
    said = f"producer.metrics {lack_of('prometheus_client', 'metrics')}"
    with pytest.raises(ModuleNotFoundError, match=re.escape(said)):
        import_module("producer.metrics.collector")


@pytest.mark.parametrize("statement", ["import producer.nowhere", "from json import nothing"])
def test_what_no_package_mends_stays_the_error_that_it_is(statement: str) -> None:
    with pytest.raises(ImportError, match="no"), needing("this", "web", RuntimeError):
        exec(statement)
