"""Secrets taken out of what is recorded: which, in texts of any size, and when the redaction itself fails."""

from __future__ import annotations

import logging
import time
from typing import Any

import fakeredis
import orjson
import pytest

from producer import Producer, redact_secrets, redactor
from producer.command.output import Tail
from producer.text.redaction import CONTEXT_BYTES, redacted_beginning, redacted_end

# Put together here, so that no scanner of repositories takes them for real.
GITHUB = "ghp" + "_0123456789abcdefghijklmnopqrstuvwxyz"
JWT = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0" + ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
KEY_BLOCK = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabcdef==\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AKIA" + "IOSFODNN7EXAMPLE in us-east-1", "[redacted] in us-east-1"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG", "aws_secret_access_key = [redacted]"),
        (f"pushed with {GITHUB}.", "pushed with [redacted]."),
        ("github_pat" + "_11ABCDEFG0123456789_abc", "[redacted]"),
        ("glpat" + "-ABCDEFGHIJ0123456789", "[redacted]"),
        ("xoxb" + "-123456789012-abcdefgh", "[redacted]"),
        ("POST https://hooks.slack.com/services/T0/B0/XXXXXXXX", "POST https://hooks.slack.com/[redacted]"),
        (f"got {JWT}", "got [redacted]"),
        ("> Authorization: Bearer abc\n> Host: x", "> Authorization: [redacted]\n> Host: x"),
        ("-H 'Authorization: Basic dXNlcjpwYXNz' -v", "-H 'Authorization: [redacted]' -v"),
        ('{"authorization":"Bearer abc","a":1}', '{"authorization":"[redacted]","a":1}'),
        ('Authorization: Digest username="M", response="6629"', "Authorization: [redacted]"),
        (f"before\n{KEY_BLOCK}\nafter", "before\n[redacted]\nafter"),
        (f"before\n{KEY_BLOCK[:50]}", "before\n[redacted]"),
        ("redis://user:p@ss@host:6379/0", "redis://user:[redacted]@host:6379/0"),
        ("rediss://:hunter2@host/0", "rediss://:[redacted]@host/0"),
        ("password=hunter2 user=me", "password=[redacted] user=me"),
        ("GET /?token=abc&page=2", "GET /?token=[redacted]&page=2"),
        ("DB_PASSWORD: hunter2", "DB_PASSWORD: [redacted]"),
        ('{"api_key": "a\\"b", "n": 1}', '{"api_key": [redacted], "n": 1}'),
        (r'"{\"client_secret\":\"abc\",\"n\":1}"', r'"{\"client_secret\":[redacted],\"n\":1}"'),
        ("passwd='two words' next", "passwd=[redacted] next"),
        ("""passwd='it'"'"'s two words' next""", "passwd=[redacted] next"),
        ("deploy --api-key abc --verbose", "deploy --api-key [redacted] --verbose"),
        ("key AIza" + "SyA-0123456789abcdefghijklmnopqrstu.", "key [redacted]."),
        ("ya29" + ".a0AfH6SMBx0123456789-abcdef", "[redacted]"),
        ("GOCSPX" + "-0123456789abcdefghij", "[redacted]"),
        ("sk_live" + "_51H8abcDEF0123456789", "[redacted]"),
        ("rk_test" + "_51H8abcDEF0123456789", "[redacted]"),
        ("with sk-" + "proj-abcDEF0123456789_abcdef now", "with [redacted] now"),
        ("sk-" + "ant-api03-abcDEF0123456789-abc", "[redacted]"),
        ("npm" + "_0123456789abcdefghijklmnopqrstuvwxyz", "[redacted]"),
        ("pypi" + "-AgEIcHlwaS5vcmcCJDAxMjM0NTY3", "[redacted]"),
        ("hf" + "_abcdefghijklmnopqrstuvwxyzABCDEFGH", "[redacted]"),
        ("dckr_pat" + "_0123456789abcdefghijklmnop", "[redacted]"),
        ("SG" + ".0123456789abcdefghijkl.0123456789abcdefghijklmnopqrstuv", "[redacted]"),
        ("dop_v1" + "_0123456789abcdef0123456789abcdef0123456789abcdef", "[redacted]"),
        ("hvs" + ".CAESIJ0123456789abcdefghij", "[redacted]"),
        ("shpat" + "_0123456789abcdef0123456789abcdef", "[redacted]"),
        (
            "https://api.telegram.org/bot12345678:AA" + "F0123456789-abcdefghijklmnopqrstu/getMe",
            "https://api.telegram.org/bot[redacted]/getMe",
        ),
        (
            "POST https://discord.com/api/webhooks/1234567890" + "/abcDEF0123456789-_ 204",
            "POST https://discord.com/api/webhooks/[redacted] 204",
        ),
        ("https://x.net/a?se=2&sig=ab%2Fc%3D&sp=r", "https://x.net/a?se=2&sig=[redacted]&sp=r"),
        ("?X-Amz-Credential=A%2F1&X-Amz-Signature=0f1", "?X-Amz-Credential=[redacted]&X-Amz-Signature=[redacted]"),
        ('> Cookie: session=abc; theme="dark"\n> Host: x', "> Cookie: [redacted]\n> Host: x"),
        ("< Set-Cookie: id=abc; Path=/\r\n", "< Set-Cookie: [redacted]\r\n"),
        ("curl -H 'Cookie: id=abc' -v", "curl -H 'Cookie: [redacted]' -v"),
        ('{"cookie": "id=abc; b=c", "n": 1}', '{"cookie": "[redacted]", "n": 1}'),
        ("git clone https://0123abc@github.com/a/b", "git clone https://[redacted]@github.com/a/b"),
        ("curl -u me:hunter2 https://x", "curl -u me:[redacted] https://x"),
        ("curl -s -ume:hunter2 https://x", "curl -s -ume:[redacted] https://x"),
        ("curl -su 'me:two words' https://x", "curl -su 'me:[redacted]' https://x"),
        ("http --user=me:hunter2 x", "http --user=me:[redacted] x"),
        ("curl -u me:a --proxy-user you:b x", "curl -u me:[redacted] --proxy-user you:[redacted] x"),
        ("pass=hunter2&user=me", "pass=[redacted]&user=me"),
        ("DB_PASS='two words' next", "DB_PASS=[redacted] next"),
        ('{"smtp_pass": "a\\"b", "n": 1}', '{"smtp_pass": [redacted], "n": 1}'),
        ("openssl --pass hunter2 -in x", "openssl --pass [redacted] -in x"),
    ],
)
def test_what_is_usually_secret_is_redacted_and_what_stands_around_it_is_kept(text: str, expected: str) -> None:
    assert redact_secrets(text) == expected
    assert redact_secrets(expected) == expected


@pytest.mark.parametrize(
    "text",
    [
        "PWD=/root",
        "http://registry:4873/@scope/pkg",
        "https://example.org:8443/a?b=c@d",
        "Password:\nLast login: Monday",
        "the bearer of bad news",
        "token expired",
        "commit 1f0c3b2a9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a",
        "AKIA",
        "",
        "pip install sk-learn-contrib-and-more-packages",
        "risk-0123456789abcdefghij",
        "ssh://git@github.com/a/b",
        "postgres://reader@db/x",
        "docker run -u 1000:1000 image",
        "docker run --user 1000:1000 image",
        "12 passed, 3 failed; pass: 12; passes=3; bypass=1",
        '{"pass": true, "passed": 3}',
        "cookies: 3 in the jar",
        "a cookie: nice",
        "10:45:12 AA 2024-01-01T10:45:12",
        "npm_config_registry=x hf_hub_download SG.1 sig=9",
    ],
)
def test_what_is_no_secret_is_kept(text: str) -> None:
    assert redact_secrets(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "a-" * 16_000,
        "--" * 16_000,
        "password" * 4_000,
        "eyJ" * 10_000,
        "a://b:" * 5_000,
        "-----BEGIN " + "A " * 16_000,
        "sk-" * 10_000,
        "SG." * 10_000,
        "1:AA" * 8_000,
        "curl " * 6_000,
        "curl -u" * 4_000,
        " --user a" * 4_000,
        "https://a" * 4_000,
        "cookie:" * 5_000,
        "\n" * 32_000,
        "> " * 16_000,
        "pass" * 8_000,
        "a_" * 16_000,
        '"pass' * 6_000,
    ],
)
def test_no_text_takes_long(text: str) -> None:
    began = time.process_time()
    redact_secrets(text)
    assert time.process_time() - began < 5  # some tenths of a second; minutes, were a pattern quadratic


def test_own_patterns_come_before_the_ready_made_ones_or_instead_of_them() -> None:
    text = f"customer-42 uses {GITHUB}"
    assert redactor(r"customer-\d+", "uses")(text) == f"[redacted] [redacted] {GITHUB}"
    assert redactor(r"customer-\d+", secrets=True)(text) == "[redacted] uses [redacted]"


# -- before the cut --


@pytest.mark.parametrize("offset", range(0, 44, 3))
def test_a_token_that_the_cut_would_halve_is_redacted_whole(offset: int) -> None:
    limit = 100
    after = "x" * (limit - offset)
    kept = redacted_end("y" * 1000 + " " + GITHUB + " " + after, limit, redact_secrets)
    assert len(kept) <= limit
    assert not any(GITHUB[at : at + 4] in kept for at in range(4, len(GITHUB) - 3))
    assert kept.endswith("x" * 50)


@pytest.mark.parametrize("offset", [0, 1, 5, 20, 39])
def test_a_token_halved_by_the_bound_of_what_is_looked_at_is_not_kept(offset: int) -> None:
    """Also where everything behind it is so secret that hardly anything else is left."""
    limit = 100
    rest = KEY_BLOCK.replace("abcdef==", "Q" * (limit + CONTEXT_BYTES - len(KEY_BLOCK) - offset + 8))
    text = "y" * 1000 + " " + GITHUB[: 40 - offset] + GITHUB[40 - offset :] + rest
    kept = redacted_end(text, limit, redact_secrets)
    assert not any(GITHUB[at : at + 4] in kept for at in range(len(GITHUB) - 3))
    assert "bytes cut]" in kept


def test_what_went_is_counted_and_characters_stay_whole() -> None:
    kept = redacted_end("é" * 50_000, 101, str)
    count, _, rest = kept.removeprefix("[").partition(" bytes cut] ")
    assert set(rest) == {"é"}
    assert int(count) + len(rest.encode()) == 100_000


@pytest.mark.parametrize("offset", range(0, 44, 3))
def test_a_token_behind_a_beginning_that_the_cut_would_halve_is_redacted_whole(offset: int) -> None:
    limit = 100
    text = "x" * (limit - offset) + " " + GITHUB + " " + "y" * 1000
    kept = redacted_beginning(text, limit, redact_secrets)
    assert len(kept) <= limit
    assert not any(GITHUB[at : at + 4] in kept for at in range(len(GITHUB) - 3))
    assert kept.startswith("x" * 50)


@pytest.mark.parametrize("offset", [0, 1, 5, 20, 39])
def test_a_token_halved_by_the_bound_is_not_kept_though_what_is_before_it_is_secret(offset: int) -> None:
    limit = 100
    room = limit + CONTEXT_BYTES - offset
    text = "password='" + "Q" * (room - 12) + "' " + GITHUB + " " + "y" * 100_000
    kept = redacted_beginning(text, limit, redact_secrets)
    assert not any(GITHUB[at : at + 4] in kept for at in range(len(GITHUB) - 3))
    assert kept.startswith("password=[redacted] [redacted] yyyy")


def test_the_name_of_a_program_stays_however_much_of_its_arguments_is_secret() -> None:
    text = "login " + f"--password='{'Q' * 30_000}' " * 20 + "end"
    kept = redacted_beginning(text, 100, redact_secrets)
    assert kept.startswith("login --password=[redacted] --password=[redacted]")
    assert len(kept.encode()) <= 100


def test_behind_a_beginning_what_went_is_counted_and_characters_stay_whole() -> None:
    rest, _, count = redacted_beginning("é" * 50_000, 101, str).rpartition(" [")
    assert set(rest) == {"é"}
    assert int(count.removesuffix(" bytes cut]")) + len(rest.encode()) == 100_000


def test_a_tail_redacts_what_came_in_pieces() -> None:
    tail = Tail(60, redact=redact_secrets)
    for piece in ("noise " * 20_000, GITHUB[:10], GITHUB[10:], " done"):
        tail.append(piece.encode())
    text = tail.text()
    assert text.endswith("[redacted] done")
    assert text.startswith("[1200")
    assert len(text) <= 60


def test_a_tail_does_not_keep_half_a_token_at_its_bound() -> None:
    for more in range(44):
        tail = Tail(60, redact=redact_secrets)
        tail.append(b"n" * 200_000 + b" " + GITHUB.encode())
        tail.append(b" " + b"m" * (20 + more))
        text = tail.text()
        assert not any(GITHUB[at : at + 4] in text for at in range(4, len(GITHUB) - 3)), more
        assert text.endswith("m" * 20)


# -- in a producer --


@pytest.fixture
def client() -> Any:
    return fakeredis.FakeRedis()


def operations(client: Any) -> list[dict[str, Any]]:
    return [orjson.loads(fields[b"op"]) for _, fields in client.xrange("{otters}:wal")]


def test_outputs_and_errors_are_redacted_before_they_are_sent(client: Any) -> None:
    producer = Producer(client, redact=redact_secrets)
    producer.action_execution_completed("a", False, output=GITHUB.encode(), error="token=abc", duration_ms=1)
    producer.cleanup_executed("s", "r", "delete", False, error=f"see {JWT}")
    run = producer.execution("a", source="manual")
    run.output = "no secret"
    with pytest.raises(ValueError, match="hunter2"), run:
        raise ValueError("password=hunter2")
    completed, cleaned, _, failed = operations(client)
    assert (completed["output"], completed["error"]) == ("[redacted]", "token=[redacted]")
    assert cleaned["error"] == "see [redacted]"
    assert (failed["output"], failed["error"]) == ("no secret", "ValueError: password=[redacted]")


def fail(text: str) -> str:
    raise RuntimeError(text)


@pytest.mark.parametrize(
    ("redact", "remark"),
    [
        (fail, "[withheld: redact failed with RuntimeError]"),
        (lambda text: text.encode(), "[withheld: redact failed with TypeError]"),
        (lambda _text: None, "[withheld: redact failed with TypeError]"),
    ],
)
@pytest.mark.parametrize("length", [10, 100_000])
def test_where_redact_fails_the_operation_is_recorded_without_the_text(
    client: Any, caplog: pytest.LogCaptureFixture, redact: Any, remark: str, length: int
) -> None:
    caplog.set_level(logging.WARNING, logger="producer")
    producer = Producer(client, redact=redact)
    producer.action_execution_started("a", "s", "command", command="s3cret" * length)
    producer.action_execution_completed("a", True, output="s3cret" * length, duration_ms=1)
    start, end = operations(client)
    assert (start["command"], end["output"]) == (remark, remark)
    assert "s3cret" not in caplog.text
    assert "withheld" in caplog.text


def test_what_a_redaction_returns_is_made_fit_for_utf_8(client: Any) -> None:
    Producer(client, redact=lambda _text: "\ud800").action_execution_completed("a", True, output="o", duration_ms=1)
    assert operations(client)[0]["output"] == "\ufffd"
