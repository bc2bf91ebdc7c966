"""The examination: every check in turn; the rest goes on if a check cannot look at its subject."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from redis.exceptions import NoPermissionError

from producer.connection.client import Client, using_client
from producer.wal import DEFAULT_NAMESPACE
from projector.doctor import cluster, holds, log, partitions, producers, projection, server
from projector.doctor.case import Case, Unanswered
from projector.doctor.finding import Finding, Severity
from projector.errors import Damaged, ServerRefused
from projector.retention.retention import WEEK_MS

CHECKS: dict[str, Callable[[Case], Iterator[Finding]]] = {
    "server-version": server.version,
    "role": server.role,
    "maxmemory-policy": server.maxmemory_policy,
    "memory": server.memory,
    "append-only-file": server.append_only_file,
    "appendfsync": server.appendfsync,
    "cluster": cluster.coverage,
    "cluster-replicas": cluster.replicas,
    "cluster-reads": cluster.reads,
    "cluster-slot": cluster.slot,
    "key-types": projection.key_types,
    "log": log.log,
    "deleted-entries": log.deleted_entries,
    "top-id": log.top_id,
    "archive": log.archive,
    "groups": holds.groups,
    "trimming": holds.trimming,
    "projection": projection.projection,
    "projector": projection.active_projector,
    "lag": projection.lag,
    "quarantine": projection.quarantine,
    "odd-times": projection.odd_times,
    "gaps": producers.gaps,
    "heartbeats": producers.heartbeats,
    "partitions": partitions.partitions,
}
"""By the name of their findings."""

_PROMISE = ("role", "maxmemory-policy", "append-only-file")


def examine(
    url_or_client: str | Client | None = None,
    namespace: str = DEFAULT_NAMESPACE,
    *,
    seconds: float = 1.0,
    group_idle_ms: int = WEEK_MS,
    sleep: Callable[[float], None] = time.sleep,
    checks: Iterable[str] = tuple(CHECKS),
) -> list[Finding]:
    """The findings of the `checks`, of all by default, at least one each; writes nothing.

    `url_or_client` as for `Query`. Some checks look twice, `seconds` apart, and compare. A consumer group that nobody
    read from for `group_idle_ms` is wrong. Raises UnusableServer,
    ServerUnavailable, and ServerRefused for a wrong password; a right that the account lacks is a finding.
    """
    with using_client(url_or_client, namespace) as client:
        case = Case(client, namespace, seconds=seconds, group_idle_ms=group_idle_ms, sleep=sleep)
        return [finding for name in checks for finding in _findings(name, CHECKS[name], case)]


def broken_promises(client: Client, namespace: str) -> list[Finding]:
    """What is wrong with the server, of all that a projector's promise rests on and the account may ask for.

    Raises ServerUnavailable, and ServerRefused for a wrong password.
    """
    case = Case(client, namespace, seconds=0)
    findings = [finding for name in _PROMISE for finding in _findings(name, CHECKS[name], case)]
    return [finding for finding in findings if finding.severity is Severity.WRONG]


def is_healthy(findings: Iterable[Finding]) -> bool:
    """Whether nothing is wrong."""
    return all(finding.severity is not Severity.WRONG for finding in findings)


def _findings(name: str, check: Callable[[Case], Iterator[Finding]], case: Case) -> list[Finding]:
    try:
        return [replace(finding, check=name) for finding in check(case)]
    except Unanswered as error:
        return [Finding(check=name, severity=Severity.NOT_CHECKED, found=str(error))]
    except ServerRefused as error:
        refusal = str(error.__cause__)
        if not isinstance(error.__cause__, NoPermissionError) and "unknown" not in refusal:  # as of a command
            raise
        return [Finding(check=name, severity=Severity.NOT_CHECKED, found=f"the server says: {refusal}")]
    except Damaged as error:
        return [Finding(check=name, severity=Severity.WRONG, found=str(error))]
