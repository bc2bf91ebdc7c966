"""Who may look, by address, secret and the proxy's word; which hosts this page is called by."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from producer.errors import InvalidSettings
from projector.web.access.access import Access

TOKEN = "a-token-of-1"


def basic(password: str) -> str:
    return f"Basic {b64encode(f'anybody:{password}'.encode()).decode()}"


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text(f"{TOKEN}\nanother-token\n")
    return path


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_an_address_that_others_reach_needs_a_way_to_know_them(host: str, tokens: Path) -> None:
    for given in ({}, {"password": ""}, {"proxy_header": ""}):
        with pytest.raises(InvalidSettings, match="no loopback address"):
            Access(host=host, **given).check()  # type: ignore[arg-type]
    Access(host=host, password="x").check()
    Access(host=host, token_file=tokens).check()
    Access(host=host, proxy_header="X-Forwarded-User").check()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_the_loopback_interface_needs_none_and_answers_everybody(host: str) -> None:
    access = Access(host=host)
    access.check()
    assert access.admits("", "")


@pytest.mark.parametrize(
    "given",
    [
        "",
        "x",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic ",
        "Basic %%%",
        "Basic /w==",
        basic(""),
        basic("secret:"),
        basic("Secret"),
        b64encode(b"x:secret").decode(),
        "Digest secret",
        "Bearer \xff",
    ],
)
def test_what_is_not_the_secret_does_not_open(given: str, tokens: Path) -> None:
    assert not Access(password="secret").admits(given, "")
    assert not Access(token_file=tokens).admits(given, "somebody")
    assert not Access(proxy_header="X-User").admits(given, "")


def test_a_password_or_any_token_opens_as_either_kind(tokens: Path) -> None:
    access = Access(password="pass:wörd", token_file=tokens)
    for secret in ("pass:wörd", TOKEN, "another-token"):
        assert access.admits(basic(secret), "")
    assert access.admits(f"bearer  {TOKEN} ", "")
    assert not access.admits(basic("wörd"), "")
    assert Access(proxy_header="X-User").admits("", "ann")


def test_tokens_are_those_of_the_file_as_it_is_now(tokens: Path) -> None:
    access = Access(token_file=tokens)
    tokens.write_text("a-newer-token")
    assert (access.admits(f"Bearer {TOKEN}", ""), access.admits("Bearer a-newer-token", "")) == (False, True)
    tokens.write_text("short")
    with pytest.raises(InvalidSettings, match="8 characters or more"):
        access.check()
    tokens.write_text("\n")
    with pytest.raises(InvalidSettings, match="found none"):
        access.check()
    tokens.unlink()
    with pytest.raises(InvalidSettings, match="No such file"):
        access.admits("Bearer a-newer-token", "")


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("127.0.0.1:8379", True),
        ("[::1]:80", True),
        ("LOCALHOST", True),
        ("wal.example.org:443", True),
        ("WAL.example.ORG", True),
        ("", False),
        (":80", False),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example:80", False),
        ("localhost:80@evil.example", False),
        ("127.0.0.1, evil.example", False),
        ("[evil.example]:80", False),
    ],
)
def test_a_name_that_somebody_else_has_bound_to_this_address_is_not_ours(host: str, named: bool) -> None:
    assert Access(hosts=("Wal.example.org",)).is_named(host) is named


def test_a_secret_is_not_shown_with_its_settings() -> None:
    assert "hunter2hunter2" not in repr(Access(password="hunter2hunter2"))
