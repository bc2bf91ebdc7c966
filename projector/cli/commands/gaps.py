"""`projector gaps`: the decision to accept that numbers of producers, which never arrived, are lost."""

from typing import Annotated

import typer

from producer.terminal.options import Log
from producer.terminal.program import add_commands, new_group
from producer.text.wording import counted
from projector.cli.account import account
from projector.cli.decided import Wait, Yes, ask, report
from projector.cli.display.wording import visible


def accept(
    producer_ids: Annotated[
        list[str] | None, typer.Argument(metavar="PRODUCER", help="The producers' ids.", show_default=False)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every producer with gaps.")] = False,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why; the log keeps it.")] = None,
    yes: Yes = False,
    wait: Wait = 5.0,
    *,
    log: Log,
) -> None:
    """Accept that what is missing of producers is lost, so that doctor is content. Asks first.

    It stays counted as missing, and counts as ever if it arrives after all. Exit status 1 if nothing is missing of a
    producer that was named.

    Example: projector gaps accept --all --reason "disk burnt"
    """
    from projector.decisions.gaps import Gaps
    from projector.query.parsing import size_of

    if everything == bool(producer_ids):
        raise typer.BadParameter("name the producers, or all of them with --all")
    with Gaps(log.location.url, log.namespace) as opened:
        found = opened.producers()
        unaccepted = [name for name, row in found.items() if row.accepted < row.last_missing]
        wanted = {name: found.get(name) for name in producer_ids or unaccepted}
        known = {name: row for name, row in wanted.items() if row}
        if known and not yes:
            missing = counted(sum(size_of(row.gaps) for row in known.values()), "operation")
            more = (
                ", and those whose numbers are no longer kept," if any(row.closed for row in known.values()) else ""
            )
            ask("accept", f"Accept that {missing}{more} of {visible(', '.join(known))} are lost?")
        report(
            opened,
            opened.accept(wanted, by=account(), reason=reason),
            wait,
            log.namespace,
            nothing="no gaps are left to accept\n",
            done=lambda folded: f"the gaps of {counted(len(folded), 'producer')} are accepted\n",
        )


gaps = new_group(
    "gaps",
    summary="Accept that operations are lost whose numbers never arrived; projector doctor names them.",
    epilog="Example: projector gaps accept --all",
)
add_commands(gaps, accept)
