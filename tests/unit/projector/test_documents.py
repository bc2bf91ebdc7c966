"""The JSON Schemas in docs/schema/ are those of the documents that the commands print."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from jsonschema import Draft202012Validator

from projector.documents import DOCUMENTS, schema_of

SCHEMAS = Path(__file__).parents[3] / "docs" / "schema"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_schema_that_is_checked_in_is_current(name: str) -> None:
    """If not: python -m projector.documents docs/schema"""
    assert (SCHEMAS / f"{name}.json").read_bytes() == schema_of(name)


def test_there_is_a_schema_for_each_document_and_no_other() -> None:
    assert {path.stem for path in SCHEMAS.iterdir()} == set(DOCUMENTS)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_schema_demands_every_field(name: str) -> None:
    schema = orjson.loads(schema_of(name))
    Draft202012Validator.check_schema(schema)
    kinds = [kind for kind in (schema, *schema.get("$defs", {}).values()) if kind.get("type") == "object"]
    for kind in kinds:
        assert set(kind["required"]) == set(kind["properties"]), kind["title"]
