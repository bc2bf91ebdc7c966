"""Secrets taken out of outputs and errors, before anything of them is written anywhere.

    Producer(url, redact=redact_secrets)
    Producer(url, redact=redactor(r"customer-[0-9]+", secrets=True))

A text is redacted before it is cut to its bound: the half of a token that a cut leaves looks like none.
"""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable

from producer.truncation import text_of, truncate

__all__ = ["CONTEXT_BYTES", "Redact", "redact_secrets", "redacted_end", "redactor"]

Redact = Callable[[str], str]
"""Takes a text and returns what of it may be recorded."""

CONTEXT_BYTES = 16 << 10
"""How much is read before what is kept: a secret that begins there is found whole, if it is no longer than this."""

_PUT = "[redacted]"
_NAMES = (
    r"passwords?|passwd|passphrase|(?-i:[pP]wd)|secrets?|tokens?|credentials?|"
    r"(?:api|access|private|account|secret)[_-]?keys?"
)
"""What a secret is called. Not PWD, which every shell has in its environment."""
_VALUE = r"""(?:\\"[^"\r\n]*"|"(?:[^"\\\r\n]|\\.)*"?|'(?:[^'\\\r\n]|\\.)*'?|[^\s&;]+)"""
_PATTERNS = (
    # Private keys, in PEM and of PGP; one that was cut off, to the end.
    (
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)",
        _PUT,
    ),
    # JSON Web Tokens, signed (three parts) or encrypted (five).
    (r"(?<![A-Za-z0-9])(?-i:eyJ)[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*){1,3}", _PUT),
    # AWS access keys; the secret one is found by its name.
    (r"\b(?-i:(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{16})\b", _PUT),
    # GitHub, GitLab, Slack.
    (r"(?<![A-Za-z0-9])(?-i:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})", _PUT),
    (r"(?<![A-Za-z0-9])(?-i:gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|soat|ffct)-[\w.-]{20,})", _PUT),
    (r"(?<![A-Za-z0-9])(?-i:xox[a-z]-[\w-]{10,}|xapp-[\w-]{10,})|(?<=hooks\.slack\.com/)[\w/]{10,}", _PUT),
    # Authorization: Bearer …, Basic …; a bearer by itself.
    (
        r"(\b(?:proxy-)?authorization\\?[\"']?[ \t]*[:=][ \t]*\\?[\"']?)"
        r"(?:(?:digest|aws4-hmac-sha256)[ \t][^\r\n]*|(?:(?:bearer|basic|token|negotiate|apikey)[ \t]+)?[^\s\"'\\]+)",
        rf"\1{_PUT}",
    ),
    (r"(\bbearer[ \t]+)[\w.~+/=-]{16,}", rf"\1{_PUT}"),
    # redis://user:password@host
    (r"(\b[a-z][a-z0-9+.-]{0,30}://[^\s:/?#@\"'<>]*:)[^\s/?#\"'<>]+(?=@)", rf"\1{_PUT}"),
    # password=…, "token": "…", DB_PASSWORD: …, --api-key …
    (rf"((?:{_NAMES})[\w.-]{{0,40}}\\?[\"']?[ \t]*(?:=>|:=|=|:)[ \t]*)(?!\[redacted\]){_VALUE}", rf"\1{_PUT}"),
    (rf"(--[\w-]{{0,40}}(?:{_NAMES})[ \t]+)(?!-|\[redacted\]){_VALUE}", rf"\1{_PUT}"),
)
"""Patterns, and what is put in the place of what they match; whatever their case."""


def redact_secrets(text: str) -> str:
    """`text` without what looks like a secret: the usual tokens and keys, passwords by their name and in URLs."""
    for pattern, replacement in _compiled():
        text = pattern.sub(replacement, text)
    return text


def redactor(*regexes: str, secrets: bool = False) -> Redact:
    """Takes out all that a regular expression matches, and with `secrets` what `redact_secrets` does.

    Raises re.error for what is no regular expression.
    """
    patterns = [re.compile(regex) for regex in regexes]

    def redact(text: str) -> str:
        for pattern in patterns:
            text = pattern.sub(_PUT, text)
        return redact_secrets(text) if secrets else text

    return redact


def redacted_end(value: str | bytes, limit: int, redact: Redact, *, cut_before: int = 0) -> str:
    """The end of `value`, redacted, in at most `limit` bytes; however large it is, a bounded part is looked at.

    `cut_before` bytes went before this call. What was cut may have halved a secret: so the beginning of what is
    looked at is not kept. Where `redact` fails there is a remark instead, since the text must not be recorded.
    """
    raw = value if isinstance(value, bytes) else text_of(value).encode()
    window = raw[max(0, len(raw) - limit - CONTEXT_BYTES) :]
    cut_before += len(raw) - len(window)
    try:
        text = _applied(redact, text_of(window))
    except Exception as error:  # noqa: BLE001 - whatever it is, the operation is to be recorded
        # Without the error's text, which may quote what was to be redacted.
        logging.getLogger("producer").warning("redact failed with %s: a text is withheld", type(error).__name__)
        return truncate(f"[withheld: redact failed with {type(error).__name__}]", limit)
    if not cut_before:
        return truncate(text, limit)
    kept = text.encode()[CONTEXT_BYTES:].decode("utf-8", "ignore")
    return truncate(kept, limit, already_cut=cut_before + len(window) - len(kept.encode()))


def _applied(redact: Redact, text: str) -> str:
    found = redact(text)
    if not isinstance(found, str):
        raise TypeError
    return text_of(found)


@functools.cache
def _compiled() -> list[tuple[re.Pattern[str], str]]:
    """Compiled when first needed: most producers never do."""
    return [(re.compile(regex, re.IGNORECASE | re.DOTALL), replacement) for regex, replacement in _PATTERNS]
