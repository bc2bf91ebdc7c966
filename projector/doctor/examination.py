"""The examination: every check in turn; the rest goes on if a check cannot look at its subject."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from producer.connection.client import Client, using_client
from producer.wal import DEFAULT_NAMESPACE
from projector.doctor import log, producers, progress, projection, server
from projector.doctor.case import Case, Unanswered
from projector.doctor.finding import Finding, Severity
from projector.errors import Damaged

CHECKS: dict[str, Callable[[Case], Iterator[Finding]]] = {
    "server-version": server.version,
    "role": server.role,
    "maxmemory-policy": server.maxmemory_policy,
    "memory": server.memory,
    "append-only-file": server.append_only_file,
    "appendfsync": server.appendfsync,
    "key-types": projection.key_types,
    "log": log.log,
    "deleted-entries": log.deleted_entries,
    "top-id": log.top_id,
    "groups": log.groups,
    "projection": projection.projection,
    "bounds": projection.bounds,
    "projector": progress.active_projector,
    "lag": progress.lag,
    "quarantine": projection.quarantine,
    "gaps": producers.gaps,
    "heartbeats": producers.heartbeats,
    "rebuild": projection.rebuild,
}
"""By the name of their findings."""


def examine(
    url_or_client: str | Client | None = None,
    namespace: str = DEFAULT_NAMESPACE,
    *,
    seconds: float = 1.0,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Finding]:
    """The findings of every check, at least one each; writes nothing.

    `url_or_client` as for `Query`. Some checks look twice, `seconds` apart, and compare. Raises UnusableServer,
    ServerUnavailable, and ServerRefused for a wrong password; a right that the account lacks is a finding.
    """
    with using_client(url_or_client) as client:
        case = Case(client, namespace, seconds=seconds, sleep=sleep)
        return [finding for name, check in CHECKS.items() for finding in _findings(name, check, case)]


def is_healthy(findings: Iterable[Finding]) -> bool:
    """Whether nothing is wrong."""
    return all(finding.severity is not Severity.WRONG for finding in findings)


def _findings(name: str, check: Callable[[Case], Iterator[Finding]], case: Case) -> list[Finding]:
    try:
        return [replace(finding, check=name) for finding in check(case)]
    except Unanswered as error:
        return [Finding(check=name, severity=Severity.NOT_CHECKED, found=str(error))]
    except Damaged as error:
        return [Finding(check=name, severity=Severity.WRONG, found=str(error))]
