"""What `projector doctor` has found, as a table and a line of counts."""

from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from projector.cli.display.page import page
from projector.cli.display.tables import grid
from projector.cli.display.wording import visible
from projector.doctor import Finding, Severity

_STYLES = {
    Severity.WRONG: "red",
    Severity.WARNING: "yellow",
    Severity.NOT_CHECKED: "dim",
    Severity.OK: "green",
}


def findings_page(findings: Sequence[Finding]) -> str:
    """Each finding with its reason and the command that repairs it; at the end how many there are of each kind."""
    table = grid()
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for finding in findings:
        table.add_row(_label(finding.severity), finding.check, visible(finding.found))
        if finding.why:
            table.add_row("", "", Text(visible(finding.why), style="dim"))
        if finding.mend:
            table.add_row("", "", f"repair: {visible(finding.mend)}")
    counts = Counter(finding.severity for finding in findings)
    summary = [_label(severity, f"{counts[severity]} ") for severity in _STYLES if counts[severity]]
    return page(table, "", Text(", ").join(summary))


def _label(severity: Severity, count: str = "") -> Text:
    return Text(f"{count}{severity.value.replace('_', ' ')}", style=_STYLES[severity])
