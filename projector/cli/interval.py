"""`--since` and `--until`."""

from datetime import datetime
from inspect import signature
from typing import Annotated

import typer

from producer.terminal.options import OptionGroup
from projector.answers.interval import FORMS, Interval, interval_of
from projector.answers.parameter import WrongParameter

_Since = Annotated[str | None, typer.Option(metavar="TIME", help=f"From then on: {FORMS}.")]
_Until = Annotated[str | None, typer.Option(metavar="TIME", help="Before that, which is told as for --since.")]


def _between(since: _Since = None, until: _Until = None) -> Interval:
    try:
        return interval_of(since, until, datetime.now().astimezone())
    except WrongParameter as error:
        raise typer.BadParameter(error.told_of_options, param_hint=f"--{error.name}") from error


Between = Annotated[Interval, OptionGroup(_between, tuple(signature(_between).parameters.values()))]
"""The options `--since` and `--until`."""
