"""compose.yaml, checked as a file: no Docker engine is at hand where this project is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture
def services() -> dict[str, Any]:
    composed: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    services: dict[str, Any] = composed["services"]
    return services


def test_redis_is_pinned_keeps_its_data_and_never_evicts(services: dict[str, Any]) -> None:
    redis = services["redis"]
    assert redis["image"].partition(":")[2].count(".") == 2
    options = " ".join(redis["command"])
    assert "--appendonly yes" in options
    assert "--maxmemory-policy noeviction" in options
    assert redis["volumes"] == ["redis-data:/data"]
    assert redis["healthcheck"]["test"] == ["CMD", "redis-cli", "ping"]


def test_two_projectors_are_built_from_the_checkout_with_a_health_check_each(services: dict[str, Any]) -> None:
    projectors = [service for name, service in services.items() if name.startswith("projector")]
    assert len(projectors) == 2
    for projector in projectors:
        assert "dockerfile_inline" in projector["build"]
        assert ".[metrics]" in projector["build"]["dockerfile_inline"]
        command, program, option, script = projector["healthcheck"]["test"]
        assert (command, program, option) == ("CMD", "python", "-c")
        port = projector["environment"]["WAL_METRICS"].rpartition(":")[2]
        assert f"http://127.0.0.1:{port}/readyz" in script
        compile(script, "healthcheck", "exec")
        assert projector["environment"]["WAL_URL"] == "redis://redis:6379/0"
        assert projector["depends_on"] == {"redis": {"condition": "service_healthy"}}


def test_the_inline_dockerfile_copies_only_what_exists(services: dict[str, Any]) -> None:
    dockerfile = services["projector-a"]["build"]["dockerfile_inline"]
    copied = [line.split()[1:-1] for line in dockerfile.splitlines() if line.startswith("COPY")]
    assert copied
    assert all((ROOT / name).exists() for names in copied for name in names)
