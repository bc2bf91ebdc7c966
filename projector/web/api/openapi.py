"""The description of the API: OpenAPI 3.1, made from its table and the schemas of the documents."""

from __future__ import annotations

import json
import re
from typing import Any

from projector.web.api.parameters import DOWNLOAD, FILTERS, NAMESPACE, REPEATED, SINCE, TYPE, Parameter, form
from projector.web.api.problem import MEDIA, SCHEMA
from projector.web.api.resources import RESOURCES, Resource

EVENTS = (*FILTERS, TYPE, SINCE, NAMESPACE)
"""The parameters of the stream."""
_PART = re.compile(r"\{(\w+)(?::path)?\}")
_COMPONENTS = "#/components/schemas/"
_STREAM = (
    "Server-sent events, live. `entry`: a new entry of the log, its document as data, its place in the stream as id; "
    "the header Last-Event-ID, or `since`, resumes there. `status`: the document of `status`, when it has changed. "
    "`gone`: so many `entries` since then are no longer in the log. `away`: why the log cannot be read at the moment."
)


def parameters_of(resource: Resource) -> tuple[Parameter, ...]:
    """All that a path takes."""
    shown = (form(resource.forms),) if resource.forms else ()
    return (*resource.parameters, NAMESPACE, *shown, DOWNLOAD)


def description(prefix: str = "") -> str:
    """The document; `prefix` stands before all paths."""
    from projector.documents import schema_of  # loads all that has a document, a quarter of a second

    schemas: dict[str, Any] = {"Problem": SCHEMA}
    for name in sorted({name for resource in RESOURCES for name in resource.documents}):
        schema = json.loads(schema_of(name).replace(b'"#/$defs/', f'"{_COMPONENTS}'.encode()))
        for part, defined in schema.pop("$defs", {}).items():
            if schemas.setdefault(part, defined) != defined:
                raise ValueError(f"two documents differ in what {part} is")
        schemas[name] = schema
    paths = {f"/api/v1/{each.path.replace(':path', '')}": {"get": _operation(each)} for each in RESOURCES}
    stream = {"text/event-stream": {"schema": {"type": "string"}}}
    paths["/api/v1/events"] = {
        "get": {
            "operationId": "events",
            "summary": "What happens, live.",
            "description": _STREAM,
            "parameters": [
                *map(_in_query, EVENTS),
                {"name": "Last-Event-ID", "in": "header", "required": False, "schema": {"type": "string"}},
            ],
            "responses": {"200": {"description": "The stream.", "content": stream}, **_problems()},
        }
    }
    document = {
        "openapi": "3.1.0",
        "info": {"title": "execution-wal", "version": "1"},
        "servers": [{"url": prefix or "/"}],
        "paths": paths,
        "components": {"schemas": schemas},
    }
    return json.dumps(document, indent=2) + "\n"


def _operation(resource: Resource) -> dict[str, Any]:
    parts = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PART.findall(resource.path)
    ]
    refs = [{"$ref": f"{_COMPONENTS}{name}"} for name in resource.documents]
    content: dict[str, Any] = {"application/json": {"schema": refs[0] if len(refs) == 1 else {"anyOf": refs}}}
    media = {"csv": "text/csv", "jsonl": "application/x-ndjson"}
    content |= {media[name]: {"schema": {"type": "string"}} for name in resource.forms}
    return {
        "operationId": re.sub(r"\W+", "-", resource.path.replace(":path", "")).strip("-"),
        "summary": resource.told,
        "parameters": [*parts, *map(_in_query, parameters_of(resource))],
        "responses": {"200": {"description": "What the command prints.", "content": content}, **_problems()},
    }


def _in_query(parameter: Parameter) -> dict[str, Any]:
    several = {"type": "array", "maxItems": REPEATED, "items": parameter.schema}
    return {
        "name": parameter.name,
        "in": "query",
        "required": False,
        "description": parameter.told,
        "schema": several if parameter.repeats else parameter.schema,
    }


def _problems() -> dict[str, Any]:
    content = {MEDIA: {"schema": {"$ref": f"{_COMPONENTS}Problem"}}}
    return {"default": {"description": "What went wrong.", "content": content}}
