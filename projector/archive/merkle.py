"""The Merkle tree over the lines of a segment, as RFC 9162 (Certificate Transparency 2.0), section 2.1, defines it.

A leaf is SHA-256 over a zero byte and the line. A node is SHA-256 over a one byte and its two children. The first
bytes differ, so that nobody can pass off a node as a line. Whoever knows the root and the number of lines can check a
line by a path of about log2(lines) hashes, without the other lines. Hashes are hex in arguments and results.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256


def root_of(lines: Sequence[bytes]) -> str:
    """The root of the tree over `lines`. Without a line: SHA-256 of nothing (section 2.1.1)."""
    *_, top = ([], *_levels(lines))
    return top[0].hex() if top else sha256().hexdigest()


def path_of(lines: Sequence[bytes], index: int) -> list[str]:
    """The hashes by which `root_by` leads from line `index` (from 0) to the root, the lowest first (section 2.1.3.1).

    Raises IndexError if there is no such line.
    """
    if not 0 <= index < len(lines):
        raise IndexError(f"line {index} of {len(lines)}")
    path: list[str] = []
    for level in _levels(lines):
        beside = index ^ 1
        if beside < len(level):
            path.append(level[beside].hex())
        index >>= 1
    return path


def root_by(line: bytes, index: int, size: int, path: Sequence[str]) -> str:
    """The root of a tree of `size` lines in which `line` stands at `index` (from 0), by its path (section 2.1.3.2).

    Raises ValueError if no tree of that size has such an index, or a path of that length there, or a hash is no hex.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of size {size} has no line {index}")
    node, last, hashes = _leaf(line), size - 1, iter(path)
    while last:
        # An odd last node of a level has no neighbour: it stands in the next level as it is.
        if index & 1 or index < last:
            text = next(hashes, None)
            if text is None:
                raise ValueError(f"the path of line {index} of {size} is too short")
            beside = bytes.fromhex(text)
            node = _node(beside, node) if index & 1 else _node(node, beside)
        index, last = index >> 1, last >> 1
    if next(hashes, None) is not None:
        raise ValueError(f"the path of line {index} of {size} is too long")
    return node.hex()


def _levels(lines: Sequence[bytes]) -> Iterator[list[bytes]]:
    """The hashes of the tree, from its leaves to its root. Neighbours make a node; an odd last node rises as it is.

    That is the tree of section 2.1.1, which splits at the greatest power of two: a whole left half pairs up evenly.
    """
    level = [_leaf(line) for line in lines]
    while level:
        yield level
        if len(level) == 1:
            return
        odd = level[-1:] if len(level) & 1 else []
        level = [_node(left, right) for left, right in zip(level[::2], level[1::2], strict=False)] + odd


def _leaf(line: bytes) -> bytes:
    return sha256(b"\0" + line).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()
