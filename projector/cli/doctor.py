"""`projector doctor`: is all well with the server and the namespace, and if not, what is to be done?"""

from __future__ import annotations

import os
from collections import Counter
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from producer.connection.client import client_of, where
from producer.connection.location import locate
from producer.wal import DEFAULT_NAMESPACE
from projector.cli.options import Namespace, Url
from projector.cli.page import page
from projector.cli.stdout import write, write_json
from projector.cli.visible import visible
from projector.doctor import Finding, Severity, examine, is_healthy

__all__ = ["doctor"]

_STYLES = {
    Severity.OK: "green",
    Severity.WARNING: "yellow",
    Severity.WRONG: "red",
    Severity.NOT_CHECKED: "dim",
}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    interval: Annotated[
        float,
        typer.Option("--interval", min=0.0, max=3600.0, help="Seconds between two looks at what should move."),
    ] = 1.0,
    url: Url = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
) -> None:
    """Check the server and the namespace: what is wrong, why that matters, and what mends it.

    Exit status 1 if anything is wrong. A warning is no more than worth knowing; what this account is not allowed to
    see is not checked. Reads only.
    """
    client, _ = client_of(locate(url, os.environ))
    findings = examine(client, namespace, seconds=interval)
    healthy = is_healthy(findings)
    if as_json:
        document = {"namespace": namespace, "server": where(client), "healthy": healthy, "findings": findings}
        write_json(document)
    else:
        write(page(_table(findings), "", _summary(findings)))
    if not healthy:
        raise typer.Exit(1)


def _table(findings: list[Finding]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for finding in findings:
        label = Text(_label(finding.severity), style=_STYLES[finding.severity])
        table.add_row(label, finding.check, visible(finding.found))
        if finding.why:
            table.add_row("", "", Text(visible(finding.why), style="dim"))
        if finding.mend:
            table.add_row("", "", f"mend: {visible(finding.mend)}")
    return table


def _label(severity: Severity) -> str:
    return severity.value.replace("_", " ")


def _summary(findings: list[Finding]) -> Text:
    counts = Counter(finding.severity for finding in findings)
    parts = [
        Text(f"{counts[severity]} {_label(severity)}", style=_STYLES[severity])
        for severity in (Severity.WRONG, Severity.WARNING, Severity.NOT_CHECKED, Severity.OK)
        if counts[severity]
    ]
    return Text(", ").join(parts)
