"""The machine and the versions that figures were taken with: without these they say nothing."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from tests.support.servers import server_program

__all__ = ["machine_facts"]


def machine_facts() -> dict[str, str]:
    """What is known, by what it is."""
    return {
        "cpu": _cpu_model(),
        "cores": str(os.cpu_count()),
        "load": f"{os.getloadavg()[0]:.1f} when the run began",
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "server": _server_version(),
        "libraries": ", ".join(f"{name} {version(name)}" for name in ("redis", "hiredis", "orjson", "msgspec")),
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _server_version() -> str:
    """`Redis server v=7.0.15` or the like, AOF on and everysec."""
    said = subprocess.run([server_program(), "--version"], capture_output=True, text=True, check=True).stdout
    return f"{' '.join(said.split()[:3])}, appendfsync everysec"
