"""`--action`, `--failed`, `--grep` and the like: which entries of the log, or which records, a command shows."""

from inspect import signature
from typing import TYPE_CHECKING, Annotated, Any

import typer

from producer.terminal.options import OptionGroup
from projector.answers.filters import filter_of
from projector.answers.parameter import WrongParameter
from projector.cli.options import milliseconds

if TYPE_CHECKING:
    from projector.search import Filter

_HEADING = "Filters"


def _option(*names: str, metavar: str | None, help: str, **more: Any) -> Any:
    return typer.Option(*names, metavar=metavar, help=help, rich_help_panel=_HEADING, **more)


def _filter(
    action: Annotated[
        str | None, _option("--action", metavar="GLOB", help="Only of these actions: deploy-*; of cleanups: delete.")
    ] = None,
    scanner: Annotated[str | None, _option("--scanner", metavar="GLOB", help="Only of these scanners.")] = None,
    resource: Annotated[
        str | None, _option("--resource", metavar="GLOB", help="Only about these resources: lock:*.")
    ] = None,
    source: Annotated[
        str | None, _option("--source", metavar="GLOB", help="Only from these sources: cron:*.")
    ] = None,
    failed: Annotated[
        bool | None,
        _option(
            "--failed/--ok",
            " /--succeeded",  # its name before there was a log to search
            metavar=None,
            help="Only what failed, or only what succeeded.",
            show_default=False,
        ),
    ] = None,
    host: Annotated[str | None, _option("--host", metavar="GLOB", help="Only from these hosts.")] = None,
    label: Annotated[
        list[str] | None, _option("--label", metavar="NAME=VALUE", help="Only with this label; may be repeated.")
    ] = None,
    grep: Annotated[
        str | None,
        _option("--grep", metavar="TEXT", help="Only with this text in an error, output, command line or name."),
    ] = None,
    longer_than: Annotated[
        int | None,
        _option("--longer-than", metavar="DURATION", help="Only runs that took longer: 10m.", parser=milliseconds),
    ] = None,
    kind: Annotated[
        str | None, _option("--type", metavar="TYPE", help="Only started, completed, cleanup, orphaned and so on.")
    ] = None,
) -> "Filter":
    try:
        return filter_of(
            action=action,
            scanner=scanner,
            resource=resource,
            source=source,
            failed=failed,
            host=host,
            labels=label or (),
            grep=grep,
            longer_than_ms=longer_than,
            kind=kind,
        )
    except WrongParameter as error:
        raise typer.BadParameter(error.told, param_hint=f"--{error.name}") from error


_OPTIONS = tuple(signature(_filter).parameters.values())
EntryFilters = Annotated["Filter", OptionGroup(_filter, _OPTIONS)]
"""The options for entries of the log; the command gets a Filter."""
RecordFilters = Annotated["Filter", OptionGroup(_filter, tuple(each for each in _OPTIONS if each.name != "kind"))]
"""The same for records."""
