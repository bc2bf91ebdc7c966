"""What the doctor finds in a namespace."""

from __future__ import annotations

from projector.doctor import Finding, Severity, examine
from projector.doctor.examination import CHECKS
from projector.retention.retention import WEEK_MS
from tests.support.projection import Log


def found(log: Log, *, seconds: float = 0.05, group_idle_ms: int = WEEK_MS) -> dict[str, list[Finding]]:
    """The findings by check, of which each check has made at least one."""
    by_check: dict[str, list[Finding]] = {name: [] for name in CHECKS}
    for finding in examine(log.client, log.namespace, seconds=seconds, group_idle_ms=group_idle_ms):
        by_check[finding.check].append(finding)
    assert all(by_check.values())
    return by_check


def the_wrong_one(log: Log) -> Finding:
    """The one finding that is wrong; that no projector is active goes without saying here."""
    wrong = [
        finding
        for findings in found(log).values()
        for finding in findings
        if finding.severity is Severity.WRONG and finding.check not in ("projector", "lag")
    ]
    assert len(wrong) == 1, wrong
    assert wrong[0].why
    assert wrong[0].mend
    return wrong[0]
