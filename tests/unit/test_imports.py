"""Which module may import which (docs/architecture.md), and what a light import does not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SHARED = {
    "producer.connection.client",
    "producer.connection.nodes",
    "producer.connection.pause",
    "producer.connection.wire",
    "producer.connection.words",
    "producer.errors",
    "producer.execution.trace_context",
    "producer.log",
    "producer.operations",
    "producer.partitions.naming",
    "producer.text.document",
    "producer.text.extra",
    "producer.text.moment",
    "producer.text.wording",
    "producer.wal",
}
"""What both sides of the log need of the write side: its contract, and the way to the server."""
FOR_A_TERMINAL = {"producer.connection.location", "producer.connection.url", "producer.file_lock"}
"""What the command line, and the embedded server that announces itself to it, need besides."""
ENGINES = ("projector.demo", "projector.testing")
"""The demonstration is an engine: it writes through the public Producer. Tests of engines are given one."""


def modules(package: str) -> dict[str, Path]:
    found = {}
    for path in (ROOT / package).rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules("producer") | modules("projector")


@cache
def imports(module: str) -> set[str]:
    """The modules that `module` names in any import, at the top, in functions and for types only."""
    return set(_imports(module))


def _imports(module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=origin, names=names, level=0) if origin is not None:
                for alias in names:
                    name = f"{origin}.{alias.name}"
                    yield name if name in MODULES else origin
            case ast.ImportFrom():
                raise AssertionError(f"{module}: relative imports are not walked; write them in full")


def in_package(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def loaded(statement: str) -> set[str]:
    """The modules that a new interpreter has loaded after `statement`."""
    program = f"{statement}\nimport sys\nprint(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


# -- the direction --


def test_the_walk_sees_the_packages_and_their_imports() -> None:
    assert "projector.fold.fold" in MODULES
    assert "producer.operations" in imports("projector.fold.fold")
    assert "redis" in imports("producer.connection.client")


def test_the_producer_knows_nothing_of_the_projector() -> None:
    for module in modules("producer"):
        assert not [name for name in imports(module) if in_package(name, "projector")], module


def test_the_projector_needs_of_the_producer_what_both_sides_share() -> None:
    for module in modules("projector"):
        if in_package(module, *ENGINES):
            continue
        allowed = SHARED | FOR_A_TERMINAL if in_package(module, "projector.cli", "projector.embedded") else SHARED
        found = {name for name in imports(module) if in_package(name, "producer")}
        if in_package(module, "projector.cli"):  # the two command lines share a room
            found = {name for name in found if not in_package(name, "producer.terminal")}
        assert found <= allowed, module


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_writes_through_the_public_producer(engine: str) -> None:
    found = {name for module in MODULES if in_package(module, engine) for name in imports(module)}
    assert {name for name in found if in_package(name, "producer")} <= {"producer"} | SHARED


def test_the_query_never_imports_what_writes() -> None:
    for module in MODULES:
        if in_package(module, "projector.query"):
            forbidden = [
                name
                for name in imports(module)
                if in_package(name, "projector.worker", "projector.commit", "projector.fold")
            ]
            assert not forbidden, module


def test_textual_is_imported_where_the_full_screen_is_drawn_and_nowhere_else() -> None:
    importing = {module for module in MODULES if any(in_package(name, "textual") for name in imports(module))}
    assert importing
    assert {module for module in importing if not in_package(module, "projector.cli.top")} == set()


@pytest.mark.parametrize(
    ("package", "places"),
    [
        ("opentelemetry", ["projector.tracing"]),
        ("requests", ["projector.tracing"]),
        ("prometheus_client", ["producer.metrics", "projector.metrics"]),
    ],
)
def test_what_the_extra_metrics_brings_is_imported_where_it_is_asked_for(package: str, places: list[str]) -> None:
    importing = {module for module in MODULES if any(in_package(name, package) for name in imports(module))}
    assert importing
    assert {module for module in importing if not in_package(module, *places)} == set()


def test_the_web_page_never_imports_what_writes_and_alone_imports_what_serves_it() -> None:
    writes = ("worker", "commit", "decisions", "shadow", "restore", "archiving", "fleet")
    for module in MODULES:
        found = imports(module)
        if in_package(module, "projector.web"):
            assert not [name for name in found if in_package(name, *(f"projector.{each}" for each in writes))], module
        else:
            assert not [name for name in found if in_package(name, "starlette", "uvicorn", "jinja2")], module
    assert "starlette.routing" in imports("projector.web.app")


def test_nothing_is_imported_from_the_tests() -> None:
    for module in MODULES:
        assert not [name for name in imports(module) if in_package(name, "tests")], module


def folder(module: str) -> str:
    """The folder of `module`; a module that stands beside folders is a place of its own."""
    path = MODULES[module]
    has_rooms = any(path.parent.glob("*/*.py"))
    return module if has_rooms else ".".join(path.parent.relative_to(ROOT).parts)


@pytest.mark.parametrize("place", [str, folder], ids=["modules", "folders"])
def test_no_imports_go_round_in_a_circle(place: Callable[[str], str]) -> None:
    graph: dict[str, set[str]] = {}
    for module in MODULES:
        found = {place(name) for name in imports(module) if name in MODULES}
        graph.setdefault(place(module), set()).update(found - {place(module)})
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


# -- what is loaded --


def test_the_fold_loads_neither_redis_nor_pydantic() -> None:
    found = loaded("; ".join(f"import {name}" for name in sorted(MODULES) if in_package(name, "projector.fold")))
    assert "projector.fold.fold" in found
    assert not {name for name in found if in_package(name, "redis", "hiredis", "pydantic")}


@pytest.mark.parametrize("module", ["projector.bounds", "producer.operations", "producer.wal", "producer.errors"])
def test_what_has_no_need_of_a_server_loads_no_redis(module: str) -> None:
    assert not {name for name in loaded(f"import {module}") if in_package(name, "redis", "hiredis")}


def test_a_reader_loads_nothing_that_writes() -> None:
    found = loaded("from projector import Query")
    assert "projector.query.query" in found
    assert not {name for name in found if in_package(name, "projector.worker", "projector.commit", "projector.fold")}


@pytest.mark.parametrize("statement", ["from producer import Producer", "from projector import Projector, Query"])
def test_a_library_loads_no_library_of_the_terminal(statement: str) -> None:
    found = loaded(statement)
    assert "redis" in found
    assert not {name for name in found if in_package(name, "typer", "click", "rich", "producer.cli", "projector.cli")}
    # redis-py loads opentelemetry by itself, where its SDK is installed.
    assert not {name for name in found if in_package(name, "prometheus_client", "requests", "projector.tracing")}


@pytest.mark.parametrize(
    "statement", ["from producer import Producer", "import projector.cli.app", "import projector.worker.projector"]
)
def test_pydantic_is_not_loaded_where_its_time_would_be_felt(statement: str) -> None:
    assert not {name for name in loaded(statement) if in_package(name, "pydantic", "pydantic_settings")}


@pytest.mark.parametrize("program", ["producer", "projector"])
def test_help_loads_nothing_that_only_a_command_needs(program: str) -> None:
    run = f"import sys\nsys.argv = ['{program}', '--help']\nfrom {program}.cli import main"
    found = loaded(f"{run}\ntry:\n    main()\nexcept SystemExit:\n    pass")
    assert "typer" in found
    heavy = {"rich", "textual", "pydantic", "redis.client", "asyncio"}
    heavy |= {"projector.query.query", "projector.worker", "projector.fold"}
    assert not {name for name in found if in_package(name, *heavy)}
