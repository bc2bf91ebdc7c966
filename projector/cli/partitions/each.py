"""Several namespaces, one after the other: the outcome of each under its name, and one exit status for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import typer

from producer.errors import WalError
from producer.terminal.exit_status import FAILED, status_of
from producer.terminal.progress import progress_bar
from producer.terminal.stdout import write, write_json
from producer.text.wording import counted
from projector.answers.outcome import Outcome
from projector.cli.addresses import LogAddresses
from projector.cli.display.wording import visible
from projector.errors import ProjectorError

Progress = Callable[[int, int], None]
_T = TypeVar("_T")
_NAMED = 5
"""Namespaces of one kind that the last line names."""


def names_of(log: LogAddresses, *, unless: tuple[type[WalError], ...] = ()) -> list[str]:
    """As `LogAddresses.found`, one at least: raises ProjectorError if no namespace is like the globs."""
    names = log.found(unless=unless)
    if not names:
        raise ProjectorError(f"no namespace is like {log.told}; those there are: projector namespaces")
    return names


@dataclass
class Each(Generic[_T]):
    """Does to each of `names` what a command does: `act(name)`. Errors are told on stderr as they come, and keep no
    other namespace from its turn."""

    names: Sequence[str]
    act: Callable[[str], _T]
    statuses: set[int] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)
    """The namespaces that a command could not do its work on."""
    wrong: list[str] = field(default_factory=list)
    """The namespaces in which it found something wrong."""

    def outcomes(self) -> Iterator[Outcome[_T]]:
        """Of each namespace in turn, as soon as there is one."""
        for name in self.names:
            outcome = Outcome.of(name, self.act)
            if error := outcome.error:
                self.failed.append(name)
                self.statuses.add(status_of(error))
                typer.echo(f"projector: {name}: {visible(' '.join(str(error).split()))}", err=True)
            yield outcome

    def tell(
        self,
        report: Callable[[_T, str], str],
        *,
        good: Callable[[_T], bool] = lambda _: True,
        document: str = "",
        word: str = "",
    ) -> list[_T]:
        """Print the `report` of what is found of each, as it comes; or if a `document` is named, one of all at the
        end, in which `word` says whether all is good. Gives what was found."""
        told, documents = [], []
        for outcome in self.outcomes():
            if found := outcome.found:
                told.append(found)
                self.judge(outcome.namespace, good=good(found))
                if not document:
                    write(under(outcome.namespace, report(found, outcome.namespace)))
            if document:
                documents.append(outcome.document(document))
        if document:
            write_json({word: self.all_good, "namespaces": documents})
        return told

    def judge(self, name: str, *, good: bool, status: int = FAILED) -> None:
        """Note whether all is well with the namespace `name`."""
        if not good:
            self.wrong.append(name)
            self.statuses.add(status)

    @property
    def all_good(self) -> bool:
        return not (self.wrong or self.failed)

    def summary(self, good: str, bad: str, undone: str, more: str = "") -> str:
        """The last line: that all are `good`, or which of them are `bad`, and which are `undone`."""
        total = counted(len(self.names), "namespace")
        if self.all_good:
            return f"{total}, all {good}{more}\n"
        told = [f"{len(names)} {what} ({_listed(names)})" for names, what in self._kinds(bad, undone)]
        return f"{total}: {len(self.names) - len(self.wrong) - len(self.failed)} {good}, {', '.join(told)}{more}\n"

    def _kinds(self, bad: str, undone: str) -> list[tuple[list[str], str]]:
        return [(names, what) for names, what in ((self.wrong, bad), (self.failed, undone)) if names]

    def exit(self) -> None:
        """End with the worst status: that something is wrong, before that something could not be looked at."""
        if self.statuses:
            raise typer.Exit(FAILED if FAILED in self.statuses else max(self.statuses))


def under(name: str, text: str) -> str:
    """`text` under the name of its namespace: behind it if it is a line, else below it."""
    lines = text.rstrip("\n").split("\n")
    if len(lines) == 1:
        return f"{name}: {lines[0]}\n"
    return "\n".join([f"{name}:", *(f"  {line}" if line else "" for line in lines)]) + "\n"


def bar_of(what: str, name: str, names: Sequence[str], *, noun: str = "entries") -> AbstractContextManager[Progress]:
    """The progress bar for `name`, which says how many of `names` have had their turn; as ever, if it is the only
    one."""
    if len(names) == 1:
        return progress_bar(what, noun=noun)
    turn = f"{what} {name} ({names.index(name) + 1} of {len(names)})"
    return progress_bar(turn, noun=noun, after_a_moment=True)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", …" if names[_NAMED:] else "")
