"""The description of the API tells all of it, and the place in a stream is read as strictly as a parameter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from projector.answers.parameter import WrongParameter
from projector.web.api.openapi import description, parameters_of
from projector.web.api.parameters import FILTERS
from projector.web.api.position import Position
from projector.web.api.resources import RESOURCES


def test_the_description_has_every_path_and_parameter_and_its_references_resolve() -> None:
    document = json.loads(description("/wal"))
    schemas, text = document["components"]["schemas"], description()
    assert document["servers"] == [{"url": "/wal"}]
    assert json.loads(text)["openapi"] == "3.1.0"
    for reference in set(_references(document)):
        assert reference.removeprefix("#/components/schemas/") in schemas
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    for resource in RESOURCES:
        operation = document["paths"][f"/api/v1/{resource.path.replace(':path', '')}"]["get"]
        names = [each["name"] for each in operation["parameters"] if each["in"] == "query"]
        assert names == [each.name for each in parameters_of(resource)]
        assert operation["summary"]
    events = document["paths"]["/api/v1/events"]["get"]
    assert {each.name for each in FILTERS} < {each["name"] for each in events["parameters"]}
    ids = [path["get"]["operationId"] for path in document["paths"].values()]
    assert len(set(ids)) == len(ids) == len(RESOURCES) + 1


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (each for name, each in value.items() if name == "$ref")
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _references(each)


@pytest.mark.parametrize("text", ["5-0", "5-0;a=6-0", "5-0;a.01=6-0;b=5-7"])
def test_a_place_in_a_stream_is_told_as_it_was_given(text: str) -> None:
    assert str(Position.of_text(text)) == text


@pytest.mark.parametrize("text", ["", "5", "x-0", "5-0;", "5-0;a", "5-0;a=b", f"{2**64}-0", f"0-0;a={2**53 + 1}-0"])
def test_no_place_in_a_stream_is_refused(text: str) -> None:
    with pytest.raises(WrongParameter, match="expected the id of an event"):
        Position.of_text(text)
