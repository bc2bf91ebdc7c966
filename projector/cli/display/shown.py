"""All about one run, cleanup or decision, as parts of a report."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from projector.answers.wording.amounts import duration
from projector.cli.display.tables import FAILURE, pairs
from projector.cli.display.wording import visible, when
from projector.cli.options import View
from projector.entry_id import milliseconds_of
from projector.query.questions.show import Run, Shown
from projector.query.remarks import who
from projector.records import CleanupRecord, InFlightRecord

_WHO = ("user", "host", "cwd")
_GOOD = ("ok", "running")


def facts_of(shown: Shown, view: View, *, several: bool = False) -> RenderableType:
    """What it is, a line each; also which namespace it is from, if that is one of `several`."""
    of = [("Namespace", shown.namespace)] if several else []
    if shown.cleanup is not None:
        return pairs(*of, *_of_cleanup(shown.cleanup, shown, view))
    if shown.run is not None:
        return pairs(*of, *_of_run(shown.run, shown, view))
    fields = (shown.operation or {}).items()
    return pairs(
        *of,
        *((name, when(value, view) if name.endswith("_at") else _whole(str(value))) for name, value in fields),
    )


def texts_of(shown: Shown) -> Iterator[RenderableType]:
    """Error and output in full, line by line as they are."""
    record = shown.cleanup or shown.run
    for title, text in (("Error", getattr(record, "error", None)), ("Output", shown.output)):
        if text:
            lines = "\n".join(map(visible, text.removesuffix("\n").split("\n")))
            style = FAILURE if title == "Error" else ""
            yield from ("", Text(title, "bold underline"), Text(lines, style, no_wrap=True, overflow="ignore"))
    if shown.operation is None:
        yield from ("", Text("its entry is no longer in the log; if it was archived: --archive WHERE", "yellow"))


def _of_run(run: Run, shown: Shown, view: View) -> Iterator[tuple[str, str | Text | None]]:
    yield "Run", _whole(run.execution_id)
    yield "Action", _whole(run.action_id)
    yield "State", _state(shown)
    yield "Started", None if run.started_at is None else when(run.started_at, view)
    if isinstance(run, InFlightRecord):
        yield "For", _beside_usual(max(0, view.now - run.started_at), shown)
    else:
        yield "Presumed dead" if run.orphaned else "Ended", when(run.timestamp, view)
        yield "Took", None if run.duration_ms is None else _beside_usual(run.duration_ms, shown)
        yield "Exit status", None if run.exit_code is None else str(run.exit_code)
    yield "Source", _whole(run.source)
    yield "Type", _whole(run.execution_type)
    yield "Command", _whole(run.command) if run.command else None
    yield "Attempt", None if run.attempt is None else f"{run.attempt:,}"
    yield from _who(run.labels, run.by)
    yield "Entry", f"{visible(run.entry_id)}, {when(milliseconds_of(run.entry_id), view)}"


def _of_cleanup(cleanup: CleanupRecord, shown: Shown, view: View) -> Iterator[tuple[str, str | Text | None]]:
    yield "Scanner", _whole(cleanup.scanner_id)
    yield "Did", _whole(cleanup.action)
    yield "Resource", _whole(cleanup.resource_id)
    yield "State", _state(shown)
    yield "When", when(cleanup.timestamp, view)
    of = f" of {shown.run.action_id}" if shown.run else ""
    yield "In run", _whole(f"{cleanup.execution_id}{of}") if cleanup.execution_id else None
    yield "Command", _whole(shown.run.command) if shown.run and shown.run.command else None
    yield from _who(cleanup.labels, cleanup.by)
    yield "Entry", visible(cleanup.entry_id)


def _who(labels: Mapping[str, str] | None, by: str | None) -> Iterator[tuple[str, str | Text | None]]:
    labels = labels or {}
    told = [who(labels, by), f"in {labels['cwd']}" if "cwd" in labels else None]
    yield "Who", _whole(" ".join(filter(None, told)))
    yield "Producer", _whole(by) if by else None
    others = [f"{name}={value}" for name, value in labels.items() if name not in _WHO]
    yield "Labels", _whole(", ".join(others)) if others else None


def _whole(text: str | None) -> Text:
    return Text(visible(text or "–"), overflow="fold")


def _state(shown: Shown) -> Text:
    operation: Mapping[str, Any] = shown.operation or {}
    text = shown.state
    if getattr(shown.run, "resolved", None):
        text += f", as {operation.get('by') or 'somebody'} decided: {operation.get('reason', '')}"
    return Text(visible(text), "" if shown.state in _GOOD else FAILURE)


def _beside_usual(took: int, shown: Shown) -> Text:
    p50, p95 = shown.p50_duration_ms, shown.p95_duration_ms
    usual = (
        ""
        if p50 is None or p95 is None
        else f" (half of the runs within {duration(p50)}, 95 % within {duration(p95)})"
    )
    return Text(duration(took), FAILURE if p95 is not None and took > p95 else "").append(usual, "")
