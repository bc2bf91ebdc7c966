"""Commands that mend, as somebody can paste them into a shell."""

from __future__ import annotations

import shlex

from producer.wal import DEFAULT_NAMESPACE


def projector(namespace: str, command: str) -> str:
    option = "" if namespace == DEFAULT_NAMESPACE else f" --namespace {namespace}"
    return f"projector {command}{option}"


def redis_cli(*words: str | bytes) -> str:
    """A `redis-cli` command, its words quoted for a shell."""
    texts = [word.decode("utf-8", "backslashreplace") if isinstance(word, bytes) else word for word in words]
    return "redis-cli " + " ".join(shlex.quote(text) for text in texts)


def configuration(name: str, value: str) -> str:
    """Set an option of the server, now and for its next start."""
    return f"{redis_cli('CONFIG', 'SET', name, value)}, and the same in the server's configuration file"
