"""What each command prints with --json is what its schema in docs/schema/ says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.support.commands import PROJECTOR, environment, run_command
from tests.support.projection import Log, completed, started

pytestmark = pytest.mark.server

SCHEMAS = Path(__file__).parents[4] / "docs" / "schema"
CLEANED = (
    '{"type":"cleanup_executed","scanner_id":"s","resource_id":"lock:a","action":"delete","success":true,'
    '"executed_at":1790000000000}'
)
ORPHANED = (
    '{"type":"action_execution_orphaned","action_id":"a","execution_id":"x","reason":"silent",'
    '"orphaned_at":1790000000000}'
)
COMMANDS = {
    "stats": ["stats"],
    "stats-action": ["stats", "a"],
    "recent": ["recent"],
    "failures": ["failures"],
    "failures-grouped": ["failures", "--grouped"],
    "cleanups": ["cleanups"],
    "in-flight": ["in-flight"],
    "in-flight-orphans": ["in-flight", "--orphans"],
    "history": ["history", "a", "--since", "1970-01-01T00:00:00Z", "--until", "1970-01-01T01:00:00Z"],
    "log": ["log"],
    "status": ["status"],
    "namespaces": ["namespaces"],
    "show": ["show", "5-0"],
    "trail": ["trail", "lock:*"],
    "quarantine-list": ["quarantine", "list"],
    "quarantine-show": ["quarantine", "show", "9-0"],
    "verify": ["verify"],
    "doctor": ["doctor", "--interval", "0"],
    "archive-once": ["archive", "once", "--archive", "WHERE"],
    "archive-verify": ["archive", "verify", "--archive", "WHERE"],
}


def test_every_document_validates_against_its_schema(log: Log, tmp_path: Path) -> None:
    of_the_producer = {"spool"}  # tests/integration/producer/spool/test_spool_cli.py has its documents
    of_the_web = {"producers", "scanners"}  # …/web/test_api.py has those
    of_several = {path.stem for path in SCHEMAS.glob("*-several.json")}  # …/partitions/test_each.py has those
    assert {path.stem for path in SCHEMAS.iterdir()} == set(COMMANDS) | of_the_producer | of_the_web | of_several
    operations = [started("a", "x"), ORPHANED, started("a", "y"), started("a"), completed("a"), CLEANED]
    operations += [completed("b", False, error="é"), started("b")]
    for number, operation in enumerate(operations, 1):
        log.add(operation, entry_id=f"{number}-0")
    log.add(b"\xff", entry_id="9-0")
    log.add(completed("a"), "by", "worker", "seq", "4", entry_id="9-1")
    log.drain()
    log.client.hset(log.key("totals"), "successes", "99")
    for name, arguments in COMMANDS.items():
        arguments = [str(tmp_path) if word == "WHERE" else word for word in arguments]
        command = [*PROJECTOR, *arguments, "--json", "--url", log.url, "--namespace", log.namespace]
        printed = run_command(command, env=environment(), text=True)
        document = json.loads(printed.stdout)
        assert document, name
        if isinstance(document, dict):
            assert next(iter(document.items())) == ("version", 1), name
        Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text())).validate(document)
