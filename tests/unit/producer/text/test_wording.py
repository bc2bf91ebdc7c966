"""Numbers in sentences: singular and plural, in both programs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from producer.text.wording import counted, waiting

ROOT = Path(__file__).parents[4]
NOUNS = "operations|entries|lines|spools|producers|differences|elements|duplicates|cleanups|actions"
UNCOUNTED = re.compile(rf'f".*\{{[^{{}}]*\}} (more )?({NOUNS})\b')
"""A number before a plural, whatever the number is."""
MANY = {
    "{_LONGEST_TAIL:,} entries",  # bounds and sums that are never 1
    "{held:,} spools",
    "{status.entries} operations",
    "{self.recorded.total()} operations",
    "{count:,} entries",
}


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (counted(1, "spool"), "1 spool"),
        (counted(0, "entry"), "0 entries"),
        (counted(2000, "more producer"), "2,000 more producers"),
        (counted(1, "entry was", "entries were"), "1 entry was"),
        (counted(2, "entry was", "entries were"), "2 entries were"),
        (waiting(1), "1 operation waits"),
        (waiting(2, "entry"), "2 entries wait"),
        (waiting(2, whose="of namespace n", still=True), "2 operations of namespace n still wait"),
    ],
)
def test_a_number_its_noun_and_its_verb_agree(told: str, text: str) -> None:
    assert told == text


def test_no_message_puts_a_number_before_a_plural_without_counting() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for package in ("producer", "projector")
        for path in (ROOT / package).rglob("*.py")
        for line in path.read_text().splitlines()
        if UNCOUNTED.search(line) and "counted(" not in line and not any(known in line for known in MANY)
    ]
    assert found == []
