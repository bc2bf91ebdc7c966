"""The documents name what exists: files, folders, imports, keys, checks, links. The README stays short."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from producer.connection.words import KINDS
from producer.partitions.naming import partitions_key, read_partitions_key
from projector.doctor.examination import CHECKS
from projector.keys import Keys

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
QUOTED = re.compile(r"`([^`]+)`")
SHARED = QUOTED.findall(ARCHITECTURE.split("what both sides share:", 1)[1].split(". ", 1)[0])
PATH = re.compile(r"(docs|tests|producer|projector|\.ci)/[\w/.]*")
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


def rows(text: str, heading: str) -> Iterator[list[str]]:
    """The cells of each row of the table that `heading` begins with, up to the next heading."""
    section = text.split(f"\n{heading}\n", 1)[1].split("\n#", 1)[0]
    for line in section.splitlines():
        if line.startswith("|") and not line.startswith("|---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def file_rows() -> list[tuple[list[str], list[str]]]:
    """(paths, what they may import) of each row of both tables of files."""
    found = [row for side in ("### The write side", "### The read side") for row in rows(ARCHITECTURE, side)]
    return [(QUOTED.findall(first), QUOTED.findall(last)) for first, _, last in found if first.startswith("`")]


def sources() -> list[str]:
    found = [path for package in ("producer", "projector") for path in (ROOT / package).rglob("*")]
    return sorted(str(path.relative_to(ROOT)) for path in found if path.suffix in (".py", ".lua"))


def row_of(source: str) -> tuple[list[str], list[str]] | None:
    """The row whose path is the longest that covers `source`."""
    covering = [
        (len(path), row)
        for row in file_rows()
        for path in row[0]
        if source == path or (path.endswith("/") and source.startswith(path))
    ]
    return max(covering, key=lambda found: found[0])[1] if covering else None


def imported(source: str) -> set[str]:
    text = (ROOT / source).read_text()
    found = re.findall(r"^\s*from ((?:producer|projector)[\w.]*) import (\w+)", text, re.MULTILINE)
    found += [(name, "") for name in re.findall(r"^\s*import ((?:producer|projector)[\w.]*)", text, re.MULTILINE)]
    return {f"{module}.{name}" if (ROOT / module.replace(".", "/")).is_dir() else module for module, name in found}


def test_every_file_and_folder_in_the_tables_exists() -> None:
    named = [path for paths, _ in file_rows() for path in paths]
    named += [path for row in rows(ARCHITECTURE, "### Around them") for path in QUOTED.findall(row[0])]
    assert len(named) > 40
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_source_file_has_a_row() -> None:
    assert [source for source in sources() if row_of(source) is None] == []


@pytest.mark.parametrize("source", [source for source in sources() if source.endswith(".py")])
def test_a_file_imports_no_more_than_its_row_says(source: str) -> None:
    row = row_of(source)
    assert row is not None
    package = source.split("/")[0]
    paths, names = row
    allowed = [name if re.match(r"producer\b|projector\b", name) else f"{package}.{name}" for name in names]
    if package == "projector":
        allowed += SHARED
    allowed += [path.removesuffix(".py").strip("/").replace("/", ".") for path in paths]
    assert [
        name for name in imported(source) if not any(name == one or name.startswith(f"{one}.") for one in allowed)
    ] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_that_a_document_names_exists(document: Path) -> None:
    named = [path for path in QUOTED.findall(document.read_text()) if PATH.fullmatch(path)]
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_keys_and_their_types_are_those_of_the_one_module_of_key_names() -> None:
    made = Keys("ns")
    expected = made.fixed | {made.wal: "stream", made.checkpoint: "hash", made.lease: "string"}
    expected |= {made.traced: "string", made.verified: "string"}
    expected |= made.of_action("<action_id>")
    expected |= {made.history_hours + b":<start>": "hash", made.history_days + b":<start>": "hash"}
    expected |= {made.scanner("<scanner_id>"): "hash", made.heartbeat("<producer id>"): "string"}
    expected |= {name("ns").encode(): "string" for name in (partitions_key, read_partitions_key)}
    table = [(QUOTED.findall(key)[0], kind) for key, kind, _ in rows(ARCHITECTURE, "## Keys") if key != "key"]
    assert dict(table) == {key.decode(): kind.replace("zset", "sorted set") for key, kind in expected.items()}
    assert len(table) == len(expected)


def test_every_check_of_the_doctor_is_explained() -> None:
    table = rows((ROOT / "docs" / "operations.md").read_text(), "## What the doctor finds")
    assert {check for row in table for check in QUOTED.findall(row[0])} == set(CHECKS)


def test_every_text_about_the_server_is_explained() -> None:
    table = rows((ROOT / "docs" / "operations.md").read_text(), "## What is wrong with the server")
    printed = [" ".join(QUOTED.findall(row[0])) for row in table if row[0] != "Printed"]
    explained = [text for kind in KINDS for text in printed if kind.words in text]
    assert sorted(explained) == sorted(printed)
    assert len(explained) == len(KINDS)


def test_every_text_that_stops_a_command_is_printed_by_one() -> None:
    sources = "".join(file.read_text() for side in ("producer", "projector") for file in (ROOT / side).rglob("*.py"))
    printed = re.sub(r'"\s*\n\s*f?"', "", sources)
    table = rows((ROOT / "docs" / "operations.md").read_text(), "## What stops a command")
    texts = [text for row in table for text in QUOTED.findall(re.sub(r"\(`.*`\)", "", row[0]))]
    pieces = {text: re.findall(r"[^…:{}()]{12,}", text.replace("expected ", "…")) for text in texts}
    assert [text for text, said in pieces.items() if not any(piece.strip() in printed for piece in said)] == []
    assert len(texts) > 15


def test_every_text_that_stops_the_web_page_is_explained() -> None:
    sources = "".join(file.read_text() for file in (ROOT / "projector").glob("**/web/**/*.py"))
    told = re.findall(r'raise (?:InvalidSettings|ProjectorError)\(\s*f"([^"]+)', sources)
    table = rows((ROOT / "docs" / "operations.md").read_text(), "## What stops a command")
    explained = " ".join(row[0] for row in table)
    assert [text for text in told if max(re.split(r"[:{}]", text), key=len).strip() not in explained] == []
    assert len(told) > 4


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_leads_to_a_file(document: Path) -> None:
    links = [link for link in LINK.findall(document.read_text()) if "://" not in link]
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_glossary_is_alphabetical_and_has_each_word_once() -> None:
    words = re.findall(r"^\*\*(.+?)\*\*", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    assert len(words) > 50
    assert words == sorted(set(words), key=str.casefold)


def test_the_readme_is_short_and_has_both_commands() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 130
    begun = "    python3 -m venv .venv && .venv/bin/pip install -q"
    assert f"{begun} '.[embedded]' && .venv/bin/projector demo" in lines
    assert f"{begun} -e '.[test]' && .venv/bin/pytest" in lines
