"""A real Prometheus for the tests, on a free port and with a directory of its own; it dies with its test."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.pages import get
from tests.support.servers import die_with_parent, eventually, free_port


def program(name: str) -> str:
    """`prometheus` or `promtool`, as Debian's package has them."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def promtool(*arguments: str) -> None:
    """Check something by promtool, which says itself what is wrong."""
    done = subprocess.run([program("promtool"), *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


class Prometheus:
    """What it has scraped, asked by its own API."""

    def __init__(self, port: int) -> None:
        self._api = f"http://127.0.0.1:{port}/api/v1"

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """(labels, value) of each series that the expression has now."""
        found = self._ask("query", {"query": expression})["result"]
        return [(series["metric"], float(series["value"][1])) for series in found]

    def label_values(self, selector: str, label: str) -> list[str]:
        found: list[str] = self._ask(f"label/{label}/values", {"match[]": selector})
        return found

    def rules(self) -> list[dict[str, Any]]:
        """Each rule, with what came of it when it was evaluated last."""
        return [rule for group in self._ask("rules", {})["groups"] for rule in group["rules"]]

    def _ask(self, what: str, parameters: Mapping[str, str]) -> Any:
        status, body = get(f"{self._api}/{what}?{urlencode(parameters)}")
        assert status == 200, f"{what} {parameters}: {body}"
        return json.loads(body)["data"]


@contextmanager
def scraping(directory: Path, configuration: Mapping[str, Any]) -> Iterator[Prometheus]:
    """A Prometheus with this configuration while the block runs."""
    directory.mkdir(parents=True)
    file, port = directory / "prometheus.json", free_port()
    file.write_text(json.dumps(configuration))  # which is YAML
    # fmt: off
    command = [
        program("prometheus"), f"--config.file={file}", f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
    ]
    # fmt: on
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent
        )

    def is_ready() -> bool:
        assert process.poll() is None, (directory / "prometheus.log").read_text()[-2000:]
        try:
            return get(f"http://127.0.0.1:{port}/-/ready")[0] == 200
        except OSError:
            return False

    try:
        eventually(is_ready, what=f"prometheus to answer; see {directory}/prometheus.log")
        yield Prometheus(port)
    finally:
        process.kill()
        process.wait(20)
