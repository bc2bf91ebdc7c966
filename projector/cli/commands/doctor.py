"""`projector doctor`: is all well with the server and the namespace, and if not, what is to be done?"""

from __future__ import annotations

from typing import Annotated

import typer

from producer.terminal.exit_status import FAILED
from producer.terminal.options import Json, Log
from producer.terminal.stdout import write, write_json


def doctor(
    as_json: Json = False,
    interval: Annotated[
        float,
        typer.Option("--interval", min=0.0, max=3600.0, help="Seconds between two looks at what should move."),
    ] = 1.0,
    *,
    log: Log,
) -> None:
    """Check the server and the namespace: what is wrong, why that matters, and what mends it.

    Exit status 1 if anything is wrong. A warning is no more than worth knowing; what this account is not allowed to
    see is not checked. Reads only.
    """
    from producer.connection.client import client_of, where
    from projector.cli.display.findings import findings_page
    from projector.doctor import examine, is_healthy

    client, _ = client_of(log.location.url)
    findings = examine(client, log.namespace, seconds=interval)
    healthy = is_healthy(findings)
    if as_json:
        from projector.documents import Examined

        server = where(client)
        write_json(Examined(log.namespace, server, healthy, findings))
    else:
        write(findings_page(findings))
    if not healthy:
        raise typer.Exit(FAILED)
