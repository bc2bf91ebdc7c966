"""Signatures of manifests, by keys as ssh-keygen writes them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from producer.errors import InvalidSettings
from projector.archive.signature import Signer, fault_of, key_of, read_public_keys
from tests.support.extras import lack_of
from tests.support.ssh_keys import key_file


def test_a_signature_fits_its_line_alone_and_names_its_key(tmp_path: Path) -> None:
    file = key_file(tmp_path)
    signer = Signer(file)
    line = signer.sign(b'{"number":1}')
    assert fault_of(b'{"number":1}', line) == ""
    assert fault_of(b'{"number":2}', line) == "its signature does not fit it"
    assert b"\n" not in line
    assert read_public_keys(file.with_suffix(".pub")) == {key_of(line)} == {signer.public_key}


def test_a_key_of_ssh_keygen_itself_signs(tmp_path: Path) -> None:
    file = tmp_path / "id"
    try:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True)
    except FileNotFoundError:  # no OpenSSH on this machine: the package writes the same format
        file = key_file(tmp_path)
    signer = Signer(file)
    assert fault_of(b"line", signer.sign(b"line")) == ""
    assert read_public_keys(file.with_suffix(".pub")) == {signer.public_key}


def test_a_file_of_several_public_keys_has_each_of_them(tmp_path: Path) -> None:
    files = [key_file(tmp_path), key_file(tmp_path)]
    both = tmp_path / "both"
    both.write_text("# since 2026\n\n" + "".join(file.with_suffix(".pub").read_text() for file in files))
    assert read_public_keys(both) == {Signer(file).public_key for file in files}


@pytest.mark.parametrize(
    "line",
    [
        b"", b"{}", b'{"signature":"!","key":"ssh-ed25519 AAAA"}', b'{"signature":1,"key":2}', b"\xff",
        b'{"signature":"AAAA","key":"ssh-ed25519 \xc3\xa4"}',
    ],
)  # fmt: skip
def test_what_is_no_signature_line_has_a_fault(line: bytes) -> None:
    assert "cannot be read" in fault_of(b"line", line)


def test_a_signature_by_another_kind_of_key_or_with_a_comment_in_it_has_a_fault(tmp_path: Path) -> None:
    line = Signer(key_file(tmp_path)).sign(b"line").decode()
    other = key_file(tmp_path, ec.generate_private_key(ec.SECP256R1())).with_suffix(".pub").read_text().split()
    key = key_of(line.encode())
    assert "cannot be read" in fault_of(b"line", line.replace(key, " ".join(other[:2])).encode())
    assert fault_of(b"line", line.replace(key, f"{key} me").encode()) == "its key is spelled oddly"


def test_a_private_key_that_cannot_sign_is_refused_in_plain_words(tmp_path: Path) -> None:
    other = key_file(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    good = key_file(tmp_path)
    nothing = tmp_path / "nothing"
    nothing.write_bytes(b"no key")
    for file, said in (
        (tmp_path / "absent", "No such file"),
        (nothing, "no such key"),
        (good.with_suffix(".pub"), "found a public key"),
        (other, "one of the kind EC"),
    ):
        with pytest.raises(InvalidSettings, match=said) as caught:
            Signer(file)
        assert str(file) in str(caught.value)


def test_a_private_key_with_a_passphrase_is_refused_in_plain_words(tmp_path: Path) -> None:
    file = tmp_path / "locked"
    file.write_text(LOCKED)
    with pytest.raises(InvalidSettings, match="without a passphrase, found one that only a passphrase"):
        Signer(file)


def test_a_public_key_file_without_such_a_key_is_refused_in_plain_words(tmp_path: Path) -> None:
    private = key_file(tmp_path)
    empty = tmp_path / "empty"
    empty.write_text("# none\n")
    for file, said in (
        (private, "begin with ssh-ed25519"),
        (empty, "found none"),
        (tmp_path / "absent", "No such file"),
    ):
        with pytest.raises(InvalidSettings, match=said):
            read_public_keys(file)


def test_without_the_package_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = key_file(tmp_path)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric", None)
    with pytest.raises(InvalidSettings, match=re.escape(lack_of("cryptography", "sign"))):
        Signer(file)


# For this test alone, made by: ssh-keygen -t ed25519 -N secret
LOCKED = """\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABANlI+Se7
THqSIqP4cQHrt3AAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIIBOpG0FrhRjHoP4
GA2lI9Xm05a97qAYwB1uuM5DrbU3AAAAkGCahcWLJW/s5WgJ6GR3d2qHcmSIsAiLQyWgYP
g+vRkyWCOToSD7L4Qiw/GkSq+0SMhh4ZM4J0UadKqW2mFQyRmbNKSA6I2yEHeACn97LmbN
j91y5tud5AYBfBaGrgVZbFkLE5KGyVPvXnl8YgePZ90j5Qn6l4T1kiTUAhxwIrqN27vANo
w9EMGrz2qlacdbbQ==
-----END OPENSSH PRIVATE KEY-----
"""
