"""The write side of execution-wal: engines append what they do to a Redis stream, the write-ahead log.

    from producer import Producer

    with Producer("redis://localhost:6379/0") as producer:
        with producer.execution("backup", source="cron:nightly") as run:
            run.output = make_backup()

`producer.operations` is the contract of what is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from producer.errors import (
        BufferFull,
        InvalidOperation,
        NotYetDurable,
        SpoolDamaged,
        SpoolFull,
        SpoolUnusable,
        Unavailable,
        UndecodableOperation,
        UnusableServer,
        WalError,
        WalRefused,
        WalUnavailable,
    )
    from producer.execution import Execution
    from producer.producer import Producer
    from producer.receipt import Receipt
    from producer.text.redaction import redact_secrets, redactor

__all__ = [
    "BufferFull",
    "Execution",
    "InvalidOperation",
    "NotYetDurable",
    "Producer",
    "Receipt",
    "SpoolDamaged",
    "SpoolFull",
    "SpoolUnusable",
    "Unavailable",
    "UndecodableOperation",
    "UnusableServer",
    "WalError",
    "WalRefused",
    "WalUnavailable",
    "redact_secrets",
    "redactor",
]

_HOMES = {
    "BufferFull": "producer.errors",
    "Execution": "producer.execution",
    "InvalidOperation": "producer.errors",
    "NotYetDurable": "producer.errors",
    "Producer": "producer.producer",
    "Receipt": "producer.receipt",
    "SpoolDamaged": "producer.errors",
    "SpoolFull": "producer.errors",
    "SpoolUnusable": "producer.errors",
    "Unavailable": "producer.errors",
    "UndecodableOperation": "producer.errors",
    "UnusableServer": "producer.errors",
    "WalError": "producer.errors",
    "WalRefused": "producer.errors",
    "WalUnavailable": "producer.errors",
    "redact_secrets": "producer.text.redaction",
    "redactor": "producer.text.redaction",
}


def __getattr__(name: str) -> object:
    # Names are loaded when first asked for, so that a reader of `producer.operations` loads no Redis client.
    if name in _HOMES:
        from importlib import import_module

        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
