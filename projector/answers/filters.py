"""A filter from texts, as options of a command or parts of a URL give them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from projector.answers.parameter import WrongParameter
from projector.errors import InvalidQuery
from projector.namespaces.wanted import is_glob

if TYPE_CHECKING:
    from projector.search.filter import Filter


class _OfAction(Protocol):
    @property
    def action_id(self) -> str: ...


_R = TypeVar("_R", bound=_OfAction)


def named(found: Sequence[_R], part: str) -> list[_R]:
    """Those of actions whose name has `part` in it, in upper or lower case."""
    return [each for each in found if part.casefold() in each.action_id.casefold()]


def filter_of(
    *,
    action: str | None = None,
    scanner: str | None = None,
    resource: str | None = None,
    source: str | None = None,
    failed: bool | None = None,
    host: str | None = None,
    labels: Iterable[str] = (),
    grep: str | None = None,
    longer_than_ms: int | None = None,
    kind: str | None = None,
) -> Filter:
    """Each of `labels` is NAME=VALUE; `kind` is a type of operation. Raises WrongParameter."""
    from projector.search.filter import Filter

    pairs = [each.partition("=") for each in labels]
    for name, sign, value in pairs:
        if not (name and sign):
            raise WrongParameter("label", f"expected NAME=VALUE, found {name + sign + value!r}")
    try:
        return Filter(
            action=action,
            scanner=scanner,
            resource=resource,
            source=source,
            type=kind,
            host=host,
            grep=grep,
            success=None if failed is None else not failed,
            labels={name: value for name, _, value in pairs},
            longer_than_ms=longer_than_ms,
        )
    except InvalidQuery as error:
        argument, _, told = str(error).partition(": ")
        raise WrongParameter(argument, told) from error


def one_of(name: str, where: Filter) -> tuple[str | None, Filter]:
    """The one `action` or `scanner` (the `name`) that is meant, which has its own list or may be mistyped, and the
    rest of `where`."""
    glob = getattr(where, name)
    if glob is None or is_glob(glob):
        return None, where
    rest: dict[str, Any] = {name: None}
    return glob, replace(where, **rest)
