"""`projector doctor`: checks the server and the namespace, and says what repairs them."""

from typing import Annotated

import typer

from producer.terminal.exit_status import FAILED, UNREACHABLE
from producer.terminal.options import Json, Log
from producer.terminal.stdout import write, write_json
from projector.cli.options import GroupIdle
from projector.cli.read.answer import why_empty
from projector.retention.retention import WEEK_MS


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
    log: Log,
) -> None:
    """Check the server and the namespace, and say what repairs them.

    Exit status 1 if anything is wrong, 69 if this account is not allowed to see anything. A warning is no more than
    worth knowing; what this account is not allowed to see is not checked. Reads only.

    Example: projector doctor
    """
    from producer.connection.client import client_of, where
    from projector.cli.display.findings import findings_page
    from projector.doctor import Severity, examine, is_healthy

    client, _ = client_of(log.location.url, log.namespace)
    group_idle_ms = WEEK_MS if group_idle is None else group_idle
    findings = examine(client, log.namespace, seconds=interval, group_idle_ms=group_idle_ms)
    healthy = is_healthy(findings)
    if as_json:
        from projector.documents import Examined

        found = Examined(namespace=log.namespace, server=where(client), healthy=healthy, findings=findings)
        write_json(found.model_dump())
    else:
        write(findings_page(findings) + why_empty(log))
    if not healthy:
        raise typer.Exit(FAILED)
    if all(finding.severity is Severity.NOT_CHECKED for finding in findings):
        raise typer.Exit(UNREACHABLE)
