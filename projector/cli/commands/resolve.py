"""`projector resolve`: the decision how a run went that has no end."""

from typing import Annotated

import typer

from producer.terminal.options import Log
from projector.cli.account import account
from projector.cli.decided import Wait, report
from projector.cli.display.wording import visible
from projector.errors import ProjectorError, command_for

_Id = Annotated[str, typer.Argument(metavar="ID", help="The execution id, or its beginning; an action without ids.")]
_Why = Annotated[str, typer.Argument(metavar="WHY", help="What you know of it; the log keeps it.")]
_Succeeded = Annotated[bool, typer.Option("--succeeded/--failed", help="How the run went.", show_default=False)]


def resolve(wanted: _Id, why: _Why, succeeded: _Succeeded, wait: Wait = 5.0, *, log: Log) -> None:
    """Settle for good how a run went that is presumed dead, or in flight and will never end.

    It counts as an end without a duration. If it ends after all, that end counts, too.

    Example: projector resolve 1f3a --failed "the host lost power"
    """
    from projector.decisions.resolution import Resolutions

    if not why.strip():
        raise typer.BadParameter("say why", param_hint="WHY")
    with Resolutions(log.location.url, log.namespace) as opened:
        run = opened.find(wanted)
        attempt = opened.resolve(run, success=succeeded, reason=why, by=account())

        def done(_: object) -> str:
            key = (run.action_id, run.execution_id)
            if key in ((each.action_id, each.execution_id) for each in opened.open_runs()):
                raise ProjectorError(
                    f"{visible(attempt.subject)} is still open: did it start anew, or is the projector of another "
                    f"version? ({command_for(log.namespace, 'in-flight')})"
                )
            return f"{visible(attempt.subject)} {'succeeded' if succeeded else 'failed'}, and is settled\n"

        report(opened, [attempt], wait, log.namespace, nothing="", done=done)
