"""The decision how a run went that has no end."""

from producer.connection.wire import pairs_of
from producer.operations import ExecutionResolved, encode
from producer.wal import OP
from projector.decisions.decision import Attempt, Decisions
from projector.errors import ProjectorError, command_for
from projector.query.naming import name_of, named, said
from projector.query.parsing import EXECUTIONS, IN_FLIGHT
from projector.query.remarks import did_you_mean, outcome
from projector.records import InFlightRecord


class Resolutions(Decisions):
    """The runs of `namespace` that have no end."""

    def open_runs(self) -> list[InFlightRecord]:
        """What is in flight, and what is presumed dead. Raises Damaged."""
        keys = (self._keys.in_flight, self._keys.orphans)
        rows = ((key, raw) for key in keys for raw in pairs_of(self._link.call("HGETALL", key)).values())
        return [IN_FLIGHT.read(raw, key) for key, raw in rows]

    def find(self, wanted: str) -> InFlightRecord:
        """The run that `wanted` names: its execution id, the beginning of one, or its action if it has none.

        Raises ProjectorError, which says what there is, unless it names one run.
        """
        runs = self.open_runs()
        if run := named(wanted, runs):
            return run
        key = self._keys.executions
        for record in (EXECUTIONS.read(raw, key) for raw in self._link.call("LRANGE", key, 0, -1)):
            if wanted == record.execution_id and not record.orphaned:
                ended = outcome(record.success, None)
                raise ProjectorError(f"{name_of(record)} has an end already, entry {record.entry_id}: {ended}")
        namespace = self._keys.namespace
        if of_action := [name_of(run) for run in runs if run.action_id == wanted]:
            there = f"; of this action there are: {', '.join(of_action[:10])}"
        else:
            there = did_you_mean(wanted, [said(run.execution_id or run.action_id) for run in runs])
            there = f".{there}" if there else f"; what is: {command_for(namespace, 'in-flight')}"
        raise ProjectorError(f"no run {said(wanted)} is in flight or presumed dead in namespace {namespace}{there}")

    def resolve(self, run: InFlightRecord, *, success: bool, reason: str, by: str | None) -> Attempt:
        """Append that `by` decides for `reason` that `run` succeeded or failed. Raises InvalidOperation for a reason
        of more than 4096 bytes."""
        operation = ExecutionResolved(
            action_id=run.action_id,
            execution_id=run.execution_id,
            success=success,
            reason=reason,
            resolved_at=self._now_ms(),
            by=by,
        )
        return Attempt(name_of(run), appended=self._append(OP, encode(operation)))
