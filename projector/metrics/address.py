"""Where a process listens, as a command line says it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    port: int

    @classmethod
    def of(cls, text: str) -> Address:
        """From `HOST:PORT`; raises ValueError."""
        host, colon, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not (colon and host and port.isascii() and port.isdigit() and int(port) < 1 << 16):
            raise ValueError(f"expected HOST:PORT such as 127.0.0.1:9464, found {text!r}")
        return cls(host, int(port))
