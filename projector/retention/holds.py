"""Who holds trimming back, in words, and the command that ends it."""

import shlex

from producer.text.moment import in_utc
from projector.entry_id import milliseconds_of
from projector.errors import text_of
from projector.keys import Keys
from projector.records import InFlightRecord


def group_in_words(name: str, held: str) -> str:
    """A consumer group whose oldest entry in use is `held`."""
    since = f"since {in_utc(milliseconds_of(held))}, entry {held}" if held != "0-0" else "anything"
    return f"the consumer group {name}, which has not acknowledged what it has to read {since}"


def end_of_group(keys: Keys, name: str) -> str:
    """The command that removes a consumer group which nobody reads from any more."""
    return shlex.join(["redis-cli", "XGROUP", "DESTROY", text_of(keys.wal), name])


def run_in_words(run: InFlightRecord) -> str:
    """A run in flight."""
    name = f"{run.action_id}, {run.execution_id}" if run.execution_id else run.action_id
    return f"the run of {name}, in flight since {in_utc(milliseconds_of(run.entry_id))}"


def end_of_run(namespace: str, run: InFlightRecord) -> str:
    """The command that records the end of a run whose process is gone."""
    words = ["producer", "completed", run.action_id, "--failure", "--error", "abandoned", "--namespace", namespace]
    return shlex.join([*words, *(["--execution-id", run.execution_id] if run.execution_id else [])])
