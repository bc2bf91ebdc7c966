"""The Merkle tree of a segment: the vectors of Certificate Transparency, and RFC 9162 written down again."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projector.archive.merkle import path_of, root_by, root_of

# The leaves and roots with which the implementations of Certificate Transparency test themselves.
LEAVES = [bytes.fromhex(leaf) for leaf in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def defined(lines: list[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1, word for word: split at the greatest power of two below the number of lines."""
    if not lines:
        return sha256(b"").digest()
    if len(lines) == 1:
        return sha256(b"\x00" + lines[0]).digest()
    split = 1
    while split * 2 < len(lines):
        split *= 2
    return sha256(b"\x01" + defined(lines[:split]) + defined(lines[split:])).digest()


def defined_path(index: int, lines: list[bytes]) -> list[str]:
    """PATH of RFC 9162, 2.1.3.1, word for word."""
    if len(lines) == 1:
        return []
    split = 1
    while split * 2 < len(lines):
        split *= 2
    if index < split:
        return [*defined_path(index, lines[:split]), defined(lines[split:]).hex()]
    return [*defined_path(index - split, lines[split:]), defined(lines[:split]).hex()]


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert root_of(LEAVES[:size]) == ROOTS[size - 1]


def test_no_line_has_the_hash_of_nothing_as_root() -> None:
    assert root_of([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=70), st.data())
def test_tree_and_paths_are_the_rfcs_and_each_path_leads_to_the_root(lines: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(lines) - 1))
    assert root_of(lines) == defined(lines).hex()
    path = path_of(lines, index)
    assert path == defined_path(index, lines)
    assert root_by(lines[index], index, len(lines), path) == root_of(lines)
    assert root_by(lines[index] + b"!", index, len(lines), path) != root_of(lines)


def test_another_index_size_or_hash_leads_to_another_root() -> None:
    lines = [b"%d" % number for number in range(7)]
    root, path = root_of(lines), path_of(lines, 2)
    assert root_by(lines[2], 3, 7, path) != root
    assert root_by(lines[2], 2, 7, [path[0], path[2], path[1]]) != root
    for size, wrong, said in (
        (4, path, "too long"),
        (7, path[:2], "too short"),
        (7, [*path, path[0]], "too long"),
        (2, path, "no line 2"),
        (7, ["zz", *path[1:]], "hex"),
    ):
        with pytest.raises(ValueError, match=said):
            root_by(lines[2], 2, size, wrong)


def test_index_beyond_the_lines_is_an_error() -> None:
    with pytest.raises(IndexError, match="line 1 of 1"):
        path_of([b"a"], 1)
    with pytest.raises(ValueError, match="no line 1"):
        root_by(b"a", 1, 1, [])
