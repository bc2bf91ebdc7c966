"""The log: its entries, the newest first, as they were recorded."""

from __future__ import annotations

from typing import Any

from projector.answers.wording import entries as entries_in_words
from projector.search.filter import TYPES
from projector.web.page.asked import Asked
from projector.web.page.search import search


def log(asked: Asked) -> dict[str, Any]:
    return {
        **search(asked, asked.where()).context(asked),
        "types": [("", "all"), *((name, name) for name in TYPES)],
        "words": entries_in_words,
    }
