"""Keys for signatures, as ssh-keygen writes them."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519


def key_file(directory: Path, key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | None = None) -> Path:
    """A new private key in OpenSSH's format, and beside it the `.pub` file."""
    key = key or ed25519.Ed25519PrivateKey.generate()
    locked = serialization.NoEncryption()
    file = directory / f"key{len(list(directory.iterdir()))}"
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, locked))
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    file.with_suffix(".pub").write_bytes(public + b" archive@host\n")
    return file
