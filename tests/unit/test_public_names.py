"""What somebody sees who tries a package out in a Python prompt: dir(), help() and repr()."""

from __future__ import annotations

import pydoc
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import fakeredis
import pytest

import producer
import projector
from producer import Durability, Producer, Receipt, Spool
from projector import Bounds, Projector, Query

URL = "redis://me:s3cret@localhost:6399/2"


@pytest.mark.parametrize("package", [producer, projector], ids=lambda package: package.__name__)
def test_dir_shows_the_public_names_and_each_is_there(package: ModuleType) -> None:
    assert set(dir(package)) == set(package.__all__)
    assert all(getattr(package, name) is not None for name in dir(package))


@pytest.mark.parametrize("package", ["producer", "projector"])
def test_dir_loads_nothing(package: str) -> None:
    program = f"import sys, {package}; dir({package}); print('redis' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


@pytest.mark.parametrize("package", [producer, projector], ids=lambda package: package.__name__)
def test_help_names_every_public_name_and_explains_each_class(package: ModuleType) -> None:
    page = pydoc.plain(pydoc.render_doc(package))
    description = page.partition("PACKAGE CONTENTS")[0]
    errors = {
        name for name in package.__all__ if isinstance(getattr(package, name), type) and _is_error(package, name)
    }
    assert not [name for name in set(package.__all__) - errors if f"`{name}`" not in description]
    assert f"`{package.__name__}.errors`" in description
    for name in package.__all__:
        assert re.search(rf"^    (class )?{name}\b", page, re.MULTILINE), name


def _is_error(package: ModuleType, name: str) -> bool:
    return issubclass(getattr(package, name), Exception)


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (lambda _: Producer(URL, "ns"), "<Producer of namespace ns at localhost:6399, directly>"),
        (lambda _: Producer(URL, buffer=9), "<Producer of namespace otters at localhost:6399, by a buffer of 9>"),
        (
            lambda directory: Producer("unix:///run/r.sock?password=s3cret", spool=Spool(directory)),
            "<Producer of namespace otters at /run/r.sock, by the spool DIRECTORY>",
        ),
        (lambda _: Query(URL, "ns"), "<Query of namespace ns at localhost:6399>"),
        (lambda _: Projector(URL, "ns"), "<Projector of namespace ns at localhost:6399>"),
        (lambda _: Durability(fsync=True), "Durability(fsync=True, replicas=0, timeout=5.0)"),
        (lambda _: Receipt("by", 1, None), "Receipt(by='by', seq=1, entry_id=None)"),
    ],
    ids=range(7),
)
def test_a_repr_says_what_it_is_and_of_what_and_no_secret(
    made: Callable[[Path], object], shown: str, tmp_path: Path
) -> None:
    value = made(tmp_path)
    assert repr(value) == shown.replace("DIRECTORY", str(tmp_path))
    if isinstance(value, Producer):
        value.close(timeout=0)


def test_the_repr_of_bounds_and_of_a_spool_names_their_options() -> None:
    assert repr(Bounds()).startswith("Bounds(max_entries=1000, ")
    assert repr(Spool("here", age=5)).startswith("Spool(directory='here', bytes=1073741824, age=5, ")


def test_the_repr_of_an_execution_follows_its_run() -> None:
    with Producer(fakeredis.FakeRedis()) as recorder:
        run = recorder.execution("deploy", source="cron", execution_id="7")
        seen = [repr(run)]
        with run:
            seen.append(repr(run))
        seen.append(repr(run))
    states = ("not started", "running", "ended")
    assert seen == [f"<Execution 7 of deploy, {state}>" for state in states]
