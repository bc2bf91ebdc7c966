"""The operator's functions of the package `projector`, by URL: what a program gets that imports nothing else."""

from __future__ import annotations

import pytest

import projector
from projector import Difference, ServerUnavailable, Severity, UnusableServer, examine, rebuild, verify
from tests.support.projection import Log
from tests.support.spooling import AWAY

pytestmark = pytest.mark.server


def test_verify_and_rebuild_take_a_url_and_return_what_they_found(log: Log) -> None:
    log.add_completions(3)
    log.drain()
    log.client.hset(log.key("totals"), "successes", "99")
    found = verify(log.url, log.namespace)
    assert found.differences == (Difference(log.key("totals"), "successes", "3", "99"),)
    assert rebuild(log.url, log.namespace).entries == 3
    assert verify(log.url, namespace=log.namespace).identical


def test_examine_takes_a_url_and_returns_findings(log: Log) -> None:
    log.add_completions(1)
    found = {finding.check: finding for finding in examine(log.url, log.namespace, seconds=0)}
    assert found["projector"].severity is Severity.WRONG
    assert found["log"].severity is Severity.OK


def test_a_url_is_taken_from_the_environment_and_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAL_URL", AWAY)
    for function in (verify, rebuild, examine):
        with pytest.raises(ServerUnavailable):
            function()
        with pytest.raises(UnusableServer):
            function("http://localhost")


def test_every_name_that_the_package_exports_is_there() -> None:
    assert all(hasattr(projector, name) for name in projector.__all__)
    assert set(projector.errors.__all__) <= set(projector.__all__)
