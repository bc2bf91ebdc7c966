"""The write side of execution-wal: engines append what they do to a Redis stream, the write-ahead log.

    from producer import Producer

    with Producer("redis://localhost:6379/0") as producer:
        with producer.execution("backup", source="cron:nightly") as run:
            run.output = make_backup()

`Producer` takes a `Spool` and a `Durability`; `execution` gives an `Execution`, and each call a `Receipt`. `redactor`
and `redact_secrets` keep secrets out. All errors are kinds of `WalError`; `producer.errors` has the tree.
`producer.operations` is the contract of what is written.
"""

TYPE_CHECKING = False  # as typing.TYPE_CHECKING, without the time that loading it takes

if TYPE_CHECKING:
    from producer.durability import Durability as Durability
    from producer.errors import *  # noqa: F403
    from producer.execution.execution import Execution as Execution
    from producer.identity import Receipt as Receipt
    from producer.producer import Producer as Producer
    from producer.spool.options import Spool as Spool
    from producer.text.redaction import redact_secrets as redact_secrets
    from producer.text.redaction import redactor as redactor
else:
    # Each name is loaded when first asked for, so that a reader of `producer.operations` loads no Redis client.
    _HOMES = {
        "Durability": "producer.durability",
        "Execution": "producer.execution.execution",
        "Producer": "producer.producer",
        "Receipt": "producer.identity",
        "Spool": "producer.spool.options",
        "redact_secrets": "producer.text.redaction",
        "redactor": "producer.text.redaction",
    }

    def __getattr__(name):
        from importlib import import_module

        errors = import_module("producer.errors")
        if name == "__all__":
            return [*errors.__all__, *_HOMES]
        if name not in _HOMES and name not in errors.__all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_HOMES.get(name, "producer.errors")), name)
        globals()[name] = value
        return value

    def __dir__():
        return sorted(__getattr__("__all__"))
