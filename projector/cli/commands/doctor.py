"""`projector doctor`: checks the server and the namespace, and says what repairs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from producer.terminal.exit_status import FAILED, UNREACHABLE
from producer.terminal.options import Json
from producer.terminal.stdout import write, write_json
from projector.cli.addresses import LogAddresses, Logs
from projector.cli.options import GroupIdle
from projector.cli.partitions.each import Each, names_of, under
from projector.cli.read.answer import why_empty
from projector.errors import ServerRefused
from projector.retention.retention import WEEK_MS

if TYPE_CHECKING:
    from projector.doctor import Finding


def doctor(
    as_json: Json = False,
    interval: Annotated[
        float,
        typer.Option(
            "--interval", metavar="SECONDS", min=0.0, max=3600.0, help="Between two looks at what should move."
        ),
    ] = 1.0,
    group_idle: GroupIdle = None,
    *,
    log: Logs,
) -> None:
    """Check the server and the namespace, and say what repairs them.

    Exit status 1 if anything is wrong, 69 if this account is not allowed to see anything. A warning is no more than
    worth knowing; what this account is not allowed to see is not checked. Reads only. Of several namespaces, or
    partitions, it shows what is not well.

    Example: projector doctor
    """
    from projector.cli.display.findings import findings_page
    from projector.doctor import is_healthy

    names = names_of(log, unless=(ServerRefused,))
    look = _Look(log, interval, WEEK_MS if group_idle is None else group_idle)
    if len(names) > 1:
        _examine_each(look, Each([*look.of_partitions(names), *names], look.at), as_json=as_json)
        return
    found = look.at(names[0])
    healthy = is_healthy(found.findings)
    if as_json:
        write_json(found.document())
    else:
        write(findings_page(found.findings) + why_empty(log))
    if not healthy:
        raise typer.Exit(FAILED)
    if _is_blind(found.findings):
        raise typer.Exit(UNREACHABLE)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The findings about `namespace`, which is at `server`."""

    namespace: str
    server: str
    findings: Sequence[Finding]

    def document(self) -> dict[str, Any]:
        from projector.doctor import is_healthy
        from projector.documents import Examined

        healthy = is_healthy(self.findings)
        found = Examined(namespace=self.namespace, server=self.server, healthy=healthy, findings=list(self.findings))
        return found.model_dump()


@dataclass(slots=True)
class _Look:
    """How each namespace is looked at. Of those `divided`, which have partitions and no log, just their number."""

    log: LogAddresses
    seconds: float
    group_idle_ms: int
    divided: list[str] = field(default_factory=list)

    def at(self, name: str) -> _Seen:
        from producer.connection.client import using_client, where
        from projector.doctor import examine
        from projector.doctor.examination import CHECKS

        checks = ("partitions",) if name in self.divided else CHECKS
        with using_client(self.log.location.url, name) as client:
            findings = examine(client, name, seconds=self.seconds, group_idle_ms=self.group_idle_ms, checks=checks)
            return _Seen(name, where(client), findings)

    def of_partitions(self, names: Sequence[str]) -> list[str]:
        """The namespaces that `names` are partitions of, unless they are among them."""
        from projector.namespaces.whole import whole_of

        self.divided = sorted({whole for name in names if (whole := whole_of(name))} - set(names))
        return self.divided

    def is_whole_by_name_alone(self, seen: _Seen | None) -> bool:
        """Whether it has no partitions: what is called like them are namespaces of their own."""
        return seen is not None and seen.namespace in self.divided and seen.findings[0].found == "none"


def _examine_each(look: _Look, each: Each[_Seen], *, as_json: bool) -> None:
    """What is not well with each; what is so with all of them is shown once."""
    from projector.cli.display.findings import findings_page
    from projector.doctor import Severity, is_healthy

    outcomes = [outcome for outcome in each.outcomes() if not look.is_whole_by_name_alone(outcome.found)]
    each.names = [outcome.namespace for outcome in outcomes]
    seen = [outcome.found for outcome in outcomes if outcome.found]
    for one in seen:
        each.judge(one.namespace, good=is_healthy(one.findings))
        if _is_blind(one.findings):
            each.judge(one.namespace, good=False, status=UNREACHABLE)
    if as_json:
        documents = [
            outcome.found.document() if outcome.found else outcome.document("doctor") for outcome in outcomes
        ]
        write_json({"healthy": each.all_good, "namespaces": documents})
        each.exit()
        return
    whole = [one.findings for one in seen if len(one.findings) > 1]
    shared = [finding for finding in whole[0] if all(finding in found for found in whole[1:])] if whole[1:] else []
    if of_all := [finding for finding in shared if finding.severity is not Severity.OK]:
        write(under("all of them", findings_page(of_all)))
    for one in seen:
        own = [finding for finding in one.findings if finding.severity is not Severity.OK and finding not in of_all]
        good = len([finding for finding in one.findings if finding.severity is Severity.OK])
        write(under(one.namespace, findings_page(own) if own else f"{good} ok"))
    write(each.summary("healthy", "not healthy", "not examined"))
    each.exit()


def _is_blind(findings: Sequence[Finding]) -> bool:
    """Whether this account is not allowed to see anything."""
    from projector.doctor import Severity

    return all(finding.severity is Severity.NOT_CHECKED for finding in findings)
