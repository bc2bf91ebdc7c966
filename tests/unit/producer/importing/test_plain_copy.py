"""Archives, pipes and stdin are imported as the plain file is; of a damaged archive nothing is."""

from __future__ import annotations

import gzip
import os
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from producer.importing.line import Importable
from producer.importing.log_file import LogFile

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LINES = [
    b'{"type":"cleanup_executed","scanner_id":"s","resource_id":"%d","action":"delete",' % n for n in range(5000)
]
CONTENT = b"".join(line + b'"success":true,"executed_at":1790000000000}\n' for line in LINES)


def operations(path: Path) -> list[Importable]:
    with closing(LogFile(path)) as file:
        first, second = ([line.content for line in file.lines()] for _ in range(2))  # an import reads it twice
        assert first == second
        assert file.size == len(CONTENT)
        return [content for content in first if isinstance(content, Importable)]


@pytest.fixture
def plain(tmp_path: Path) -> list[Importable]:
    (tmp_path / "plain").write_bytes(CONTENT)
    found = operations(tmp_path / "plain")
    assert len(found) == 5000
    return found


PACK: dict[str, Callable[[bytes], Any]] = {"log.gz": gzip.compress, "log.zst": zstd.compress}


@pytest.mark.parametrize("name", PACK)
def test_an_archive_is_the_same_log_whether_it_has_one_part_or_two(
    name: str, plain: list[Importable], tmp_path: Path
) -> None:
    archive = tmp_path / name
    archive.write_bytes(PACK[name](CONTENT))
    assert operations(archive) == plain
    archive.write_bytes(PACK[name](CONTENT[:1000]) + PACK[name](CONTENT[1000:]))
    assert operations(archive) == plain


@pytest.mark.parametrize("name", PACK)
def test_a_damaged_archive_is_an_error_that_names_it(name: str, tmp_path: Path) -> None:
    archive = tmp_path / name
    whole = PACK[name](CONTENT)
    for content in (whole[:-10], whole[: len(whole) // 2], b"", b"no archive", whole[:30] + b"?" * 30 + whole[60:]):
        archive.write_bytes(content)
        with pytest.raises(OSError, match="the archive is damaged: ") as caught:
            LogFile(archive)
        assert caught.value.filename == str(archive)


def test_a_pipe_is_read_whole(plain: list[Importable], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(CONTENT,))
    writer.start()
    assert operations(pipe) == plain
    writer.join()


def test_a_disk_without_room_for_the_copy_is_an_error_that_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "log.gz"
    archive.write_bytes(gzip.compress(CONTENT))
    full = open("/dev/full", "r+b", buffering=0)  # noqa: SIM115 - the import closes it
    with monkeypatch.context() as patched:
        patched.setattr("tempfile.TemporaryFile", lambda: full)
        with pytest.raises(OSError, match="No space left on device") as caught:
            LogFile(archive)
    assert "a copy in " in str(caught.value.filename)
    assert full.closed
