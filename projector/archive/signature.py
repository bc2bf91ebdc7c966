"""Signatures of manifests: Ed25519, by the keys that `ssh-keygen -t ed25519` makes.

A signed manifest has a second line: `{"signature": base64, "key": "ssh-ed25519 AAAA…"}`. The signature is over the
bytes of the first line without its newline. The key says who claims to have signed; only a key that the reader brings
along proves it. This module alone needs the package `cryptography` (the extra `sign`).
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import msgspec

from producer.errors import InvalidSettings
from producer.text.extra import needing

_KIND = "ssh-ed25519"


class _Signature(msgspec.Struct):
    signature: str
    key: str


class Signer:
    """Signs with the private key in `file`, which has no passphrase.

    Raises InvalidSettings for a file that is not there, another kind of key, a passphrase; without `cryptography`.
    """

    def __init__(self, file: Path) -> None:
        ed25519, ssh = _cryptography()
        content = _content_of(file, "a private Ed25519 key")
        try:
            key = ssh.load_ssh_private_key(content, password=None)
        except TypeError as error:
            raise InvalidSettings(
                f"{file}: expected a key without a passphrase, found one that only a passphrase opens; {_MAKE}"
            ) from error
        except Exception as error:  # the package has a dozen kinds of errors for what is no key
            found = "a public key" if content.startswith(b"ssh-") else f"no such key ({error})"
            raise InvalidSettings(f"{file}: expected an OpenSSH private key, found {found}; {_MAKE}") from error
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            kind = type(key).__name__.removeprefix("_").removesuffix("PrivateKey")
            raise InvalidSettings(f"{file}: expected an Ed25519 key, found one of the kind {kind}; {_MAKE}")
        self._key = key
        self.public_key = _text_of(key.public_key())
        """As the `.pub` file has it, without its comment."""

    def sign(self, line: bytes) -> bytes:
        """The second line, without its newline, for a manifest whose first line is `line`."""
        return msgspec.json.encode(_Signature(b64encode(self._key.sign(line)).decode(), self.public_key))


def read_public_keys(file: Path) -> frozenset[str]:
    """The Ed25519 keys in `file`, one a line as in a `.pub` file, without comments: any of them may have signed.

    Raises InvalidSettings for a file that is not there, and for a line that is no such key.
    """
    found = set()
    for line in _content_of(file, "a public Ed25519 key").decode("utf-8", "replace").splitlines():
        if words := line.partition("#")[0].split():
            if words[0] != _KIND or len(words) < 2:
                raise InvalidSettings(
                    f"{file}: expected lines that begin with {_KIND}, as in a .pub file, found {line[:40]!r}"
                )
            found.add(f"{_KIND} {words[1]}")
    if not found:
        raise InvalidSettings(f"{file}: expected a public Ed25519 key, found none")
    return frozenset(found)


def fault_of(line: bytes, signature: bytes) -> str:
    """What is wrong with the signature line of a manifest whose first line is `line`; empty if it is right.

    Raises InvalidSettings without `cryptography`.
    """
    _, ssh = _cryptography()
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        claimed = msgspec.json.decode(signature, type=_Signature)
        key: Any = ssh.load_ssh_public_key(claimed.key.encode())
        if _text_of(key) != claimed.key:  # one key has one spelling, so that keys may be compared as texts
            return "its key is spelled oddly"
        key.verify(b64decode(claimed.signature, validate=True), line)
    except InvalidSignature:
        return "its signature does not fit it"
    except (ValueError, AttributeError, TypeError, UnsupportedAlgorithm) as error:
        return f"its signature cannot be read ({error})"
    return ""


def key_of(signature: bytes) -> str:
    """Who claims to have signed, by a signature line in which `fault_of` finds no fault."""
    return msgspec.json.decode(signature, type=_Signature).key


_MAKE = "make one with: ssh-keygen -t ed25519 -N '' -f FILE"


def _content_of(file: Path, expected: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidSettings(f"{file}: expected {expected}, found: {error.strerror}") from error


def _cryptography() -> tuple[Any, Any]:
    """(the module with the Ed25519 keys, the module that reads and writes keys)."""
    with needing("a signature", "sign", InvalidSettings):
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    return ed25519, serialization


def _text_of(key: Any) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    text: bytes = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return text.decode()
