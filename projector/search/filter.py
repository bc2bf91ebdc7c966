"""What is asked for: one rule for entries of the log and for records, and a cheap look at bytes that goes before it.

A filter judges by attributes: those of an operation, of a record, or of what was decoded of an operation in part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from typing import Any, get_args

from producer.operations import ActionExecutionOrphaned, Operation
from projector.errors import InvalidQuery

Test = Callable[[Any, str | None], bool]
"""Whether an operation or record, and the producer that it is from, are wanted."""

_LONG = re.compile(r"^(?:action_)?execution_|_executed$")


def short_type(name: str) -> str:
    """The short name of a type of operation: `started`, `cleanup`."""
    return _LONG.sub("", name)


TYPES = {short_type(name): name for name in (str(kind.__struct_config__.tag) for kind in get_args(Operation))}
"""The types of operations by their short names."""
ORPHANED = str(ActionExecutionOrphaned.__struct_config__.tag)
GLOBS = {
    "action": ("action_id", "action"),
    "scanner": ("scanner_id",),
    "resource": ("resource_id",),
    "source": ("source",),
}
"""The fields that each glob is about: an entry has one of them."""
TEXTS = (
    *("error", "output", "reason", "command", "action_id", "execution_id", "source", "execution_type"),
    *("scanner_id", "resource_id", "producer_id"),
)
"""The fields in which `grep` looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What is wanted; without any argument everything is.

    `action`, `scanner`, `resource`, `source` and `host` are globs as in a shell, case-sensitive: `deploy-*`; what is
    called just so is wanted, too. `action` is about what a run executes, and of a cleanup about what it did. `host`
    is about the label `host`, or else the host of the producer. `type` is a type of operation or its short name
    (`started`, `completed`, `cleanup`, `orphaned`, …); only entries of the log have one. `success` True or False asks
    for what succeeded or failed; a run presumed dead failed. `labels` have to be there with these values. `grep` is a
    text within errors, outputs, reasons, command lines or names, in upper or lower case. `longer_than_ms` asks for
    runs that ended and took longer. An entry that cannot be read is wanted only if nothing is asked for but a host.

    Raises InvalidQuery for an argument of another type, and for a type that there is not.
    """

    action: str | None = None
    scanner: str | None = None
    resource: str | None = None
    source: str | None = None
    type: str | None = None
    host: str | None = None
    grep: str | None = None
    success: bool | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    longer_than_ms: int | None = None

    def __post_init__(self) -> None:
        for name in (*GLOBS, "type", "host", "grep"):
            if not isinstance(text := getattr(self, name), str | None):
                raise InvalidQuery(name, "text or None", text)
        if self.type is not None:
            kind = TYPES.get(self.type, self.type)
            if kind not in TYPES.values():
                raise InvalidQuery("type", f"one of {', '.join(TYPES)}", self.type)
            object.__setattr__(self, "type", kind)
        if not isinstance(self.success, bool | None):
            raise InvalidQuery("success", "True, False or None", self.success)
        if type(longer := self.longer_than_ms) is not int and longer is not None:
            raise InvalidQuery("longer_than_ms", "milliseconds or None", longer)
        if not all(isinstance(word, str) for label in self.labels.items() for word in label):
            raise InvalidQuery("labels", "names and values that are text", self.labels)

    def test(self) -> Test:
        """The rule, made ready for many."""
        tests = self._tests()
        return tests[0] if len(tests) == 1 else lambda found, by: all(test(found, by) for test in tests)

    def _tests(self) -> list[Test]:
        tests: list[Test] = []
        if (kind := self.type) is not None:
            tests.append(lambda found, _: getattr(found, "type", None) == kind)
        if self.success is not None:
            tests.append(_succeeded if self.success else _failed)
        for name, attributes in GLOBS.items():
            if (glob := getattr(self, name)) is not None:
                tests.append(_name_like(attributes, glob))
        if self.labels:
            wanted = self.labels.items()
            tests.append(lambda found, _: wanted <= (getattr(found, "labels", None) or {}).items())
        if self.host is not None:
            tests.append(_host_like(self.host))
        if (least := self.longer_than_ms) is not None:
            tests.append(lambda found, _: (getattr(found, "duration_ms", None) or 0) > least)
        if self.grep is not None:
            tests.append(_contains(self.grep.casefold()))
        return tests


def host_of(labels: Mapping[str, str] | None, by: str | None) -> str | None:
    """Where it happened: the label `host`, or else the host in the producer's id; None where nobody says."""
    if labels and "host" in labels:
        return labels["host"]
    return by.rsplit(":", 2)[0] if by else None


def _succeeded(found: Any, _: str | None) -> bool:
    return getattr(found, "success", None) is True


def _failed(found: Any, _: str | None) -> bool:
    return getattr(found, "success", None) is False or getattr(found, "type", None) == ORPHANED


def _name_like(attributes: tuple[str, ...], glob: str) -> Test:
    like, first = _like(glob), attributes[0]
    if len(attributes) == 1:
        return lambda found, _: like(getattr(found, first, None))
    return lambda found, _: any(like(getattr(found, name, None)) for name in attributes)


def _host_like(glob: str) -> Test:
    like = _like(glob)
    return lambda found, by: like(host_of(getattr(found, "labels", None), by))


def _like(glob: str) -> Callable[[str | None], bool]:
    """Whether a text is there, and is `glob` itself, whose brackets may be part of a name, or is like it."""
    matches = re.compile(translate(glob)).match
    return lambda text: text is not None and (text == glob or matches(text) is not None)


def _contains(folded: str) -> Test:
    def test(found: Any, _: str | None) -> bool:
        texts = (getattr(found, name, None) for name in TEXTS)
        return any(text is not None and folded in text.casefold() for text in texts)

    return test
