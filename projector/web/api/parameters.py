"""The parameters of a URL: those of the command's options, without dashes, read as strictly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, get_args

from projector.answers.filters import filter_of
from projector.answers.interval import FORMS, Interval, interval_of
from projector.answers.parameter import WrongParameter
from projector.query.questions.history import KEPT
from projector.query.questions.statistics import Sort
from projector.retention.retention import milliseconds_in
from projector.search.filter import TYPES

if TYPE_CHECKING:
    from projector.search.filter import Filter

MOST = 10_000
"""Records of an answer."""
ALL = 1000
"""Records where a command gives all, and nobody says how many."""
REPEATED = 50
"""Values of a parameter that may be repeated: each namespace is asked."""
_LONGEST = 4096
"""Characters of a value."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """`told` says what it is for. `read` makes its value of a text, or raises ValueError, which tells why not;
    `schema` is the JSON Schema of the text."""

    name: str
    told: str
    read: Callable[[str], Any] = str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    repeats: bool = False


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"expected true or false, found {text!r}")
    return text == "true"


def _whole(most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= most):
            raise ValueError(f"expected a whole number from 0 to {most}, found {text!r}")
        return int(text)

    return read


def _one_of(choices: Sequence[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}, found {text!r}")
        return text

    return read


def flag(name: str, told: str) -> Parameter:
    return Parameter(name, told, _flag, {"type": "boolean"})


def whole(name: str, told: str, most: int = MOST) -> Parameter:
    return Parameter(name, told, _whole(most), {"type": "integer", "minimum": 0, "maximum": most})


def choice(name: str, told: str, choices: Sequence[str]) -> Parameter:
    return Parameter(name, told, _one_of(choices), {"type": "string", "enum": [*choices]})


def duration(name: str, told: str) -> Parameter:
    return Parameter(name, f"{told}: 10m.", milliseconds_in)


NAMESPACE = Parameter("namespace", "Only of this namespace; may be repeated.", repeats=True)
DOWNLOAD = flag("download", "Have a browser save it as a file.")
SINCE = Parameter("since", f"From then on: {FORMS}.")
INTERVAL = (SINCE, Parameter("until", "Before that, which is told as for `since`."))
FILTERS = (
    Parameter("action", "Only of these actions, a glob: deploy-*; of cleanups: delete."),
    Parameter("scanner", "Only of these scanners, a glob."),
    Parameter("resource", "Only about these resources, a glob: lock:*."),
    Parameter("source", "Only from these sources, a glob: cron:*."),
    flag("failed", "true: only what failed; false: only what succeeded."),
    flag("ok", "The opposite of `failed`."),
    Parameter("host", "Only from these hosts, a glob."),
    Parameter("label", "NAME=VALUE: only with this label; may be repeated.", repeats=True),
    Parameter("grep", "Only with this text in an error, output, command line or name."),
    duration("longer_than", "Only runs that took longer"),
)
TYPE = choice("type", "Only entries of this type.", [*TYPES])
PART = Parameter("q", "Only of actions whose name has this in it, in upper or lower case.")
SORT = choice("sort", "The order of actions.", get_args(Sort))
BY = choice("by", "The step of time.", [*KEPT])


def form(forms: Sequence[str]) -> Parameter:
    return choice("format", "Rows as CSV, or a JSON object a line, instead of the document.", forms)


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a request asks for, at `now` (aware): the values of the parameters that it has."""

    values: Mapping[str, Any]
    now: datetime

    def get(self, name: str, default: Any = None) -> Any:
        return self.values.get(name, default)

    @property
    def where(self) -> Filter:
        """Raises WrongParameter."""
        failed, ok = self.get("failed"), self.get("ok")
        if failed is not None and failed == ok:
            raise WrongParameter("ok", "it contradicts failed")
        texts = {name: self.get(name) for name in ("action", "scanner", "resource", "source", "host", "grep")}
        return filter_of(
            **texts,
            failed=failed if ok is None else not ok,
            labels=self.get("label", ()),
            longer_than_ms=self.get("longer_than"),
            kind=self.get("type"),
        )

    @property
    def between(self) -> Interval:
        """Raises WrongParameter."""
        return interval_of(self.get("since"), self.get("until"), self.now)


def arguments_of(given: Iterable[tuple[str, str]], parameters: Iterable[Parameter], now: datetime) -> Arguments:
    """What `given` means, of the `parameters` that there are. What is empty is not given, as forms send it; dashes in
    a name are taken for what they are in the command's. Raises WrongParameter."""
    known = {parameter.name: parameter for parameter in parameters}
    values: dict[str, Any] = {}
    for told, text in given:
        name = told.replace("-", "_")
        if name not in known:
            raise WrongParameter(told, f"expected one of {', '.join(known)}, found {told!r}")
        if not text:
            continue
        if len(text) > _LONGEST:
            raise WrongParameter(name, f"expected at most {_LONGEST} characters, found {len(text)}")
        try:
            value = known[name].read(text)
        except ValueError as error:
            raise WrongParameter(name, str(error)) from None
        if known[name].repeats:
            if len(values.get(name, ())) == REPEATED:
                raise WrongParameter(name, f"expected at most {REPEATED} values, found more")
            values[name] = (*values.get(name, ()), value)
        elif name in values:
            raise WrongParameter(name, "expected one value, found several")
        else:
            values[name] = value
    return Arguments(values, now)
