"""Labels, which say who and what: those of a call merged over its producer's, and checked by the contract."""

from collections.abc import Mapping
from typing import Any

from producer.operations import operation_of
from producer.text.truncation import text_of

Labels = Mapping[str, str]

_A_START = {
    "type": "action_execution_started",
    "action_id": "-",
    "source": "-",
    "execution_type": "-",
    "started_at": 0,
}


def merged_labels(labels: object, own: dict[str, str] | None = None) -> Any:
    """`labels` over a producer's `own`, as the contract takes them; None for none. It judges what are no labels."""
    if labels is None:  # as in most calls
        return own
    return ({**(own or {}), **labels} or None) if isinstance(labels, Mapping) else labels


def checked_labels(labels: object, own: dict[str, str] | None = None) -> dict[str, str] | None:
    """The same, judged at once. Raises InvalidOperation."""
    merged: dict[str, str] | None = carried(merged_labels(labels, own))
    if merged is not None:
        operation_of({**_A_START, "labels": merged})
    return merged


def carried(value: Any) -> Any:
    """The value of a field with texts that UTF-8 can carry."""
    if isinstance(value, dict):
        return {name: carried(text) for name, text in value.items()}
    return text_of(value) if isinstance(value, str) else value
