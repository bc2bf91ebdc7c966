"""A deed: what a writer did, as its journal has it and as the log has it, so that the two can be compared."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Deed"]


class Deed(NamedTuple):
    """One operation. `mark` occurs once among all operations of a run: who and which it was.

    `subject` is the action's or scanner's name; `duration_ms` is random, so that a sum of durations tells which
    executions were counted.
    """

    kind: str
    mark: str
    subject: str
    success: bool
    duration_ms: int

    @classmethod
    def of_operation(cls, found: dict[str, Any]) -> Deed:
        """From the JSON of an operation; raises KeyError for what no writer writes."""
        match found["type"]:
            case "action_execution_started":
                return cls("started", f"{found['execution_id']}/started", found["action_id"], True, 0)
            case "action_execution_completed":
                return cls(
                    "completed",
                    f"{found['execution_id']}/completed",
                    found["action_id"],
                    found["success"],
                    found["duration_ms"],
                )
            case "cleanup_executed":
                return cls("cleanup", found["resource_id"], found["scanner_id"], found["success"], 0)
        raise KeyError(found["type"])
