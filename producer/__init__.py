"""The write side of execution-wal: engines append what they do to a Redis stream, the write-ahead log.

    from producer import Producer

    with Producer("redis://localhost:6379/0") as producer:
        with producer.execution("backup", source="cron:nightly") as run:
            run.output = make_backup()

`producer.operations` is the contract of what is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from producer import errors
from producer.errors import *  # noqa: F403

if TYPE_CHECKING:
    from producer.durability import Durability as Durability
    from producer.execution.execution import Execution as Execution
    from producer.producer import Producer as Producer
    from producer.receipt import Receipt as Receipt
    from producer.spool.options import Spool as Spool
    from producer.text.redaction import redact_secrets as redact_secrets
    from producer.text.redaction import redactor as redactor

# Loaded when first asked for, so that a reader of `producer.operations` loads no Redis client.
_HOMES = {
    "Durability": "producer.durability",
    "Execution": "producer.execution.execution",
    "Producer": "producer.producer",
    "Receipt": "producer.receipt",
    "Spool": "producer.spool.options",
    "redact_secrets": "producer.text.redaction",
    "redactor": "producer.text.redaction",
}

__all__ = [*errors.__all__, *_HOMES]


if not TYPE_CHECKING:  # else mypy would take any name for one of ours

    def __getattr__(name: str) -> object:
        if name in _HOMES:
            from importlib import import_module

            value = getattr(import_module(_HOMES[name]), name)
            globals()[name] = value
            return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
