"""A JSON document as both programs print it."""

import json
from dataclasses import asdict
from typing import Any

VERSION = 1
"""Of the JSON documents. A field more is no other version."""


def json_text(value: Any) -> str:
    """`value` as a JSON document: ASCII alone, integers of any size. An object begins with its version, which may be
    one of its own."""
    document = {"version": VERSION, **value} if isinstance(value, dict) else value
    return json.dumps(document, default=asdict, indent=2)
