"""Who and what: labels of a producer and of its calls, commands, attempts, exit codes."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import fakeredis
import orjson
import pytest

from producer import InvalidOperation, Producer, redact_secrets, redactor

BAD: list[Any] = [
    {"a b": "x"},
    {"": "x"},
    {"n" * 65: "x"},
    {"n": "x" * 257},
    {"n": "é" * 129},
    {"n": 5},
    {5: "x"},
    {"n": {"m": "x"}},
    {f"n{number}": "" for number in range(17)},
    ["n"],
    "n=x",
]


class Recorded:
    """Producers on a fake server, and what they recorded."""

    def __init__(self) -> None:
        self.client: Any = fakeredis.FakeRedis()

    def producer(self, **options: Any) -> Producer:
        return Producer(self.client, **options)

    @property
    def operations(self) -> list[dict[str, Any]]:
        return [orjson.loads(fields[b"op"]) for _, fields in self.client.xrange("{otters}:wal")]

    def labels(self) -> list[dict[str, str] | None]:
        return [operation.get("labels") for operation in self.operations]


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


def test_the_labels_of_a_call_lie_over_those_of_the_producer(recorded: Recorded) -> None:
    producer = recorded.producer(labels={"host": "db1", "team": "ops"})
    producer.action_execution_started("a", "manual", "command", labels={"team": "dev", "ticket": "7"})
    producer.cleanup_executed("s", "r", "delete", True, labels={"team": "dev"})
    producer.cleanup_executed("s", "r", "delete", True)
    assert recorded.labels() == [
        {"host": "db1", "team": "dev", "ticket": "7"},
        {"host": "db1", "team": "dev"},
        {"host": "db1", "team": "ops"},
    ]


def test_an_end_has_just_the_labels_that_it_was_given(recorded: Recorded) -> None:
    producer = recorded.producer(labels={"host": "db1"})
    producer.action_execution_completed("a", True, duration_ms=1)
    producer.action_execution_completed("a", True, duration_ms=1, labels={"rows": "12"})
    assert recorded.labels() == [None, {"rows": "12"}]


def test_a_run_s_labels_stand_at_its_start(recorded: Recorded) -> None:
    producer = recorded.producer(labels={"host": "db1"})
    with producer.execution("a", source="manual", command="tar c", attempt=2, labels={"n": "1"}):
        pass
    producer.tracked("b", source="manual", labels={"n": "2"})(lambda: None)()
    first, end, second, _ = recorded.operations
    assert (first["command"], first["attempt"], first["labels"]) == ("tar c", 2, {"host": "db1", "n": "1"})
    assert not {"command", "attempt", "labels", "exit_code"} & set(end)
    assert second["labels"] == {"host": "db1", "n": "2"}


def test_what_is_not_given_is_not_written(recorded: Recorded) -> None:
    producer = recorded.producer(labels={})
    producer.action_execution_started("a", "manual", "command", labels={})
    producer.action_execution_completed("a", True, duration_ms=1, labels={})
    producer.cleanup_executed("s", "r", "delete", True, labels={})
    written = set().union(*recorded.operations)
    assert not written & {"command", "attempt", "labels", "exit_code", "execution_id"}


def test_later_changes_to_a_mapping_change_nothing(recorded: Recorded) -> None:
    given = {"host": "db1"}
    producer = recorded.producer(labels=MappingProxyType(given))
    given["host"] = "db2"
    producer.cleanup_executed("s", "r", "delete", True)
    assert recorded.labels() == [{"host": "db1"}]


@pytest.mark.parametrize("exit_code", [-(2**31), -9, 0, 3, 2**32 - 1])
def test_an_exit_code_may_be_any_of_any_system(recorded: Recorded, exit_code: int) -> None:
    recorded.producer().action_execution_completed("a", False, duration_ms=1, exit_code=exit_code)
    assert recorded.operations[0]["exit_code"] == exit_code


@pytest.mark.parametrize("bad", BAD, ids=repr)
@pytest.mark.parametrize(
    "call",
    [
        lambda recorded, bad: recorded.producer(labels=bad),
        lambda recorded, bad: recorded.producer().execution("a", source="s", labels=bad),
        lambda recorded, bad: recorded.producer().tracked("a", source="s", labels=bad),
        lambda recorded, bad: recorded.producer().action_execution_started("a", "s", "task", labels=bad),
        lambda recorded, bad: recorded.producer().action_execution_completed("a", True, duration_ms=1, labels=bad),
        lambda recorded, bad: recorded.producer().cleanup_executed("s", "r", "delete", True, labels=bad),
    ],
    ids=["producer", "execution", "tracked", "start", "end", "cleanup"],
)
def test_bad_labels_are_refused_at_once_in_the_contract_s_words(
    recorded: Recorded, call: Callable[[Recorded, Any], object], bad: Any
) -> None:
    with pytest.raises(InvalidOperation, match="labels: expected an object of at most 16 labels"):
        call(recorded, bad)
    assert recorded.operations == []


def test_too_many_labels_of_producer_and_call_together_are_refused(recorded: Recorded) -> None:
    producer = recorded.producer(labels={f"n{number}": "" for number in range(16)})
    producer.cleanup_executed("s", "r", "delete", True, labels={"n0": "over"})
    with pytest.raises(InvalidOperation, match="labels"):
        producer.execution("a", source="s", labels={"another": ""})


@pytest.mark.parametrize("bad", [0, -1, 1.5, "1", True])
def test_an_attempt_counts_from_1(recorded: Recorded, bad: Any) -> None:
    with pytest.raises(InvalidOperation, match="attempt: expected an integer from 1"):
        recorded.producer().action_execution_started("a", "s", "task", attempt=bad)


def test_a_lone_surrogate_is_replaced_in_labels_and_command(recorded: Recorded) -> None:
    producer = recorded.producer(labels={"cwd": "/home/\udcff"})
    with producer.execution("a", source="s", command="cat \udcff", labels={"n": "\ud800"}):
        producer.cleanup_executed("s", "r", "delete", True)
    start, cleanup, _ = recorded.operations
    assert (start["labels"], start["command"]) == ({"cwd": "/home/\ufffd", "n": "\ufffd"}, "cat \ufffd")
    assert cleanup["labels"] == {"cwd": "/home/\ufffd"}


@pytest.mark.parametrize("options", [{}, {"redact": redact_secrets}], ids=["by itself", "as asked"])
def test_a_command_is_redacted_and_keeps_its_beginning(recorded: Recorded, options: dict[str, Any]) -> None:
    producer = recorded.producer(**options)
    producer.action_execution_started("a", "s", "command", command="login --password hunter2 --now")
    producer.action_execution_started("a", "s", "command", command="start" + "x" * 5000)
    with producer.execution("a", source="s", command="login --password hunter2"):
        pass
    redacted, long, run, _ = (str(operation.get("command")) for operation in recorded.operations)
    assert redacted == "login --password [redacted] --now"
    assert run == "login --password [redacted]"
    assert 4090 < len(long) <= 4096
    kept, _, mark = long.rpartition(" [")
    assert long.startswith("startx")
    assert mark == f"{5005 - len(kept)} bytes cut]"


@pytest.mark.parametrize(
    ("redact", "expected"),
    [
        (redactor(), "login --password hunter2 customer-42"),
        (redactor(r"customer-\d+"), "login --password hunter2 [redacted]"),
        (redactor(r"customer-\d+", secrets=True), "login --password [redacted] [redacted]"),
    ],
    ids=["nothing", "own patterns", "both"],
)
def test_a_redact_that_is_given_alone_redacts_a_command(recorded: Recorded, redact: Any, expected: str) -> None:
    producer = recorded.producer(redact=redact)
    producer.action_execution_started("a", "s", "command", command="login --password hunter2 customer-42")
    with producer.execution("a", source="s", command="login --password hunter2 customer-42"):
        pass
    assert [operation.get("command") for operation in recorded.operations] == [expected, expected, None]


def test_without_redact_outputs_and_errors_are_recorded_as_they_are(recorded: Recorded) -> None:
    recorded.producer().action_execution_completed("a", False, output="token=a", error="token=b", duration_ms=1)
    assert (recorded.operations[0]["output"], recorded.operations[0]["error"]) == ("token=a", "token=b")
