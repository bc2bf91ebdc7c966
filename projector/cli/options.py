"""The options that commands of `projector` share."""

import time
from dataclasses import dataclass, field
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Literal, get_args

import typer

from producer.terminal.options import Json, OptionGroup
from projector.bounds import Bounds
from projector.retention.retention import WEEK_MS, Retention, milliseconds_in

LeaseTtl = Annotated[
    float,
    typer.Option(
        "--lease-ttl",
        min=0.1,
        max=3600.0,
        envvar="WAL_LEASE_TTL",
        metavar="SECONDS",
        help="After which a standby takes over from a dead projector.",
    ),
]
ArchiveOption = Annotated[
    str | None,
    typer.Option(
        "--archive",
        envvar="WAL_ARCHIVE",
        metavar="WHERE",
        help="Where the log is archived: a directory, or a URL such as s3://bucket/prefix.",
    ),
]
SignKey = Annotated[
    Path | None,
    typer.Option(
        "--sign-key",
        envvar="WAL_SIGN_KEY",
        metavar="FILE",
        help="An OpenSSH private key (Ed25519) that signs what is archived.",
    ),
]
SealAfter = Annotated[
    float,
    typer.Option(
        "--seal-after",
        envvar="WAL_SEAL_AFTER",
        metavar="SECONDS",
        min=0.1,
        max=86_400.0,
        help="After which an entry is archived at the latest, however few there are.",
    ),
]
SEAL_SECONDS = 600.0
Limit = Annotated[int, typer.Option("--limit", "-n", metavar="N", min=0, help="How many at most, the latest first.")]


def milliseconds(text: str) -> int:
    """A duration such as `7d`."""
    try:
        return milliseconds_in(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


GroupIdle = Annotated[
    int | None,
    typer.Option(
        parser=milliseconds,
        envvar="WAL_GROUP_IDLE",
        metavar="DURATION",
        show_default="7d",
        help="After which a consumer group that nobody reads from is named.",
    ),
]


def _retention(
    retain: Annotated[
        int | None,
        typer.Option(
            parser=milliseconds,
            envvar="WAL_RETAIN",
            metavar="DURATION",
            help="For how long an archived entry stays in the log, such as 36h or 7d.",
        ),
    ] = None,
    retain_entries: Annotated[
        int | None,
        typer.Option(envvar="WAL_RETAIN_ENTRIES", metavar="N", min=0, help="How many entries stay in the log."),
    ] = None,
    no_archive: Annotated[
        bool, typer.Option("--no-archive", envvar="WAL_NO_ARCHIVE", help="Trim what nothing has archived, for good.")
    ] = False,
    group_idle: GroupIdle = None,
) -> Retention:
    return Retention(
        trims=retain is not None or retain_entries is not None,
        age_ms=retain or 0,
        entries=retain_entries or 0,
        without_archive=no_archive,
        patience_ms=WEEK_MS if group_idle is None else group_idle,
    )


RetentionOptions = Annotated[Retention, OptionGroup(_retention, tuple(signature(_retention).parameters.values()))]
"""What stays in the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How a command shows what it found: at `now` (epoch ms), in `width` columns (None: the terminal's)."""

    as_json: Json = False
    utc: Annotated[bool, typer.Option("--utc", help="Show times in UTC, not in local time.")] = False
    wide: Annotated[bool, typer.Option("--wide", help="Show all columns, however wide the terminal is.")] = False
    no_trunc: Annotated[bool, typer.Option("--no-trunc", help="Show long texts whole: folded, not cut.")] = False
    as_lines: Annotated[bool, typer.Option("--jsonl", help="Print a JSON object a line, for each row.")] = False
    form: Annotated[
        Literal["csv"] | None, typer.Option("--format", metavar="csv", help="Print the rows as CSV, under a heading.")
    ] = None
    now: int = field(default_factory=lambda: int(time.time() * 1000))
    width: int | None = None

    def __post_init__(self) -> None:
        if self.as_json + self.as_lines + (self.form is not None) > 1:
            raise typer.BadParameter("they exclude each other", param_hint="--json, --jsonl, --format")

    @property
    def for_programs(self) -> bool:
        """Whether a program reads what is printed."""
        return self.as_json or self.as_lines or self.form is not None


_VIEW = tuple(signature(View).parameters.values())
Clock = Annotated[View, OptionGroup(View, _VIEW[1:2])]
"""The option of a command that shows times on a screen alone."""
Times = Annotated[View, OptionGroup(View, _VIEW[:2])]
"""The options of a command that shows times."""
Entries = Annotated[View, OptionGroup(View, (*_VIEW[:2], _VIEW[4]))]
"""The options of a command that shows entries of the log."""
Tables = Annotated[View, OptionGroup(View, _VIEW[:4])]
"""The options of a command that shows tables."""
Rows = Annotated[View, OptionGroup(View, _VIEW[:6])]
"""The options of a command whose tables programs read row by row, too."""


def _bound(parameter: Parameter, *, changed: bool) -> Parameter:
    """`--max-entries` and `WAL_MAX_ENTRIES` for the field `max_entries` of Bounds; if `changed`, None by default."""
    kind, meaning = get_args(parameter.annotation)
    info = typer.Option(
        f"--{parameter.name.replace('_', '-')}",
        envvar=f"WAL_{parameter.name.upper()}",
        metavar="N",
        min=1,
        max=10_000_000,
        help=meaning,
        rich_help_panel="Bounds of the projection",
        show_default="as they are" if changed else True,
    )
    if changed:
        return parameter.replace(annotation=Annotated[kind | None, info], default=None)
    return parameter.replace(annotation=Annotated[kind, info])


def _given(**bounds: int | None) -> dict[str, int]:
    return {name: bound for name, bound in bounds.items() if bound is not None}


_FIELDS = signature(Bounds, eval_str=True).parameters.values()
BoundOptions = Annotated[Bounds, OptionGroup(Bounds, tuple(_bound(field, changed=False) for field in _FIELDS))]
"""An option for each bound of a projection."""
ChangedBounds = Annotated[
    dict[str, int], OptionGroup(_given, tuple(_bound(field, changed=True) for field in _FIELDS))
]
"""The same options; the command gets those bounds that were given, by name."""
