"""The shape of the tree (docs/architecture.md): circles of imports, long files, crowded folders, tests on tests."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("producer", "projector")
MOST_LINES = 400
MOST_MODULES = 10

LONG_FILES: set[str] = set()
CROWDED_FOLDERS: set[str] = set()
CIRCULAR: set[tuple[str, str]] = set()
"""Offenders of the moment, which only become fewer: files, folders, and imports that close a circle."""


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def files_of(*folders: str) -> dict[str, Path]:
    return {name_of(path): path for folder in folders for path in (ROOT / folder).rglob("*.py")}


MODULES = files_of(*PACKAGES)


def imported(nodes: list[ast.stmt], modules: dict[str, Path]) -> Iterator[str]:
    """The modules among `modules` that these statements import when they run; what is for types only is left out."""
    for node in nodes:
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names if alias.name in modules)
            case ast.ImportFrom(module=str(origin), names=names):
                for alias in names:
                    yield from [name for name in (f"{origin}.{alias.name}", origin) if name in modules][:1]
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=otherwise):
                yield from imported(otherwise, modules)
            case _:
                inner = [child for child in ast.walk(node) if isinstance(child, ast.Import | ast.ImportFrom)]
                yield from imported(list(inner), modules)


def room_of(module: str) -> str:
    """The folder in a package that a module is in; the package's own modules stand for themselves."""
    in_a_folder = MODULES[module].name == "__init__.py" or module.count(".") > 1
    return ".".join(module.split(".")[:2]) if in_a_folder else module


def itself(module: str) -> str:
    return module


@pytest.mark.parametrize("node_of", [itself, room_of], ids=["modules", "folders"])
def test_no_import_closes_a_circle(node_of: Callable[[str], str]) -> None:
    graph: dict[str, set[str]] = defaultdict(set)
    for module, path in MODULES.items():
        for other in imported(ast.parse(path.read_text()).body, MODULES):
            edge = node_of(module), node_of(other)
            if edge[0] != edge[1] and edge not in CIRCULAR:
                graph[edge[0]].add(edge[1])
    assert sum(map(len, graph.values())) > 100  # the walk sees imports
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports, from right to left: {' → '.join(error.args[1])}")


def test_no_file_of_the_source_is_longer_than_can_be_read_in_one_go() -> None:
    long = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".py", ".lua") and len(path.read_text().splitlines()) > MOST_LINES
    }
    assert long <= LONG_FILES


def test_no_folder_of_the_source_has_more_modules_than_can_be_surveyed() -> None:
    modules: dict[str, int] = defaultdict(int)
    for path in MODULES.values():
        modules[str(path.relative_to(ROOT).parent)] += path.name != "__init__.py"
    assert {folder for folder, count in modules.items() if count > MOST_MODULES} <= CROWDED_FOLDERS


def test_no_test_module_is_imported_by_another() -> None:
    tests = files_of("tests")
    assert {"tests.unit.test_structure", "tests.support.servers"} <= set(tests)
    for module, path in tests.items():
        for other in imported(ast.parse(path.read_text()).body, tests):
            assert not other.rpartition(".")[2].startswith("test_"), f"{module} imports {other}: use tests/support/"


def test_programs_that_tests_start_are_interrupted_by_sigint_even_in_a_background_job() -> None:
    """A shell starts its background jobs with SIGINT ignored; tests/conftest.py undoes that (`make elsewhere`)."""
    asked = [sys.executable, "-c", "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == "False\n"
