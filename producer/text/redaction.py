"""Outputs, errors and command lines made fit to be recorded: without secrets, and cut to their bounds.

    Producer(url, redact=redact_secrets)
    Producer(url, redact=redactor(r"customer-[0-9]+", secrets=True))

A text is redacted before it is cut, because the half of a token that a cut leaves looks like none.
"""

import functools
import logging
import re
from collections.abc import Callable

from producer.errors import InvalidOperation
from producer.text.truncation import beginning, text_of, truncate

Redact = Callable[[str], str]
"""Takes a text and returns the text that may be recorded."""

CONTEXT_BYTES = 16 << 10
"""How much is read beyond the part that is kept: a secret of up to so many bytes at the cut is found whole."""

_PUT = "[redacted]"
_NAMES = (
    r"passwords?|passwd|passphrase|(?-i:[pP]wd)|secrets?|tokens?|credentials?|"
    r"(?:api|access|private|account|secret)[_-]?keys?"
)
"""The names of secrets. Not PWD, which every shell has in its environment."""
_QUOTED = r"""(?:\\"[^"\r\n]*"|"(?:[^"\\\r\n]|\\.)*"?|'(?:[^'\\\r\n]|\\.)*'?)"""
_VALUE = rf"(?:{_QUOTED}+|[^\s&;]+)"
"""Several quoted parts in a row are one value: a shell's `'it'"'"'s'`."""
_PATTERNS = (
    # Private keys, in PEM and of PGP; a key that was cut off, to the end.
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)",
    # JSON Web Tokens, signed (three parts) or encrypted (five).
    r"(?<![A-Za-z0-9])(?-i:eyJ)[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*){1,3}",
    # AWS access keys; the secret key is found by its name.
    r"\b(?-i:(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{16})\b",
    # GitHub, GitLab, Slack.
    r"(?<![A-Za-z0-9])(?-i:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})",
    r"(?<![A-Za-z0-9])(?-i:gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|soat|ffct)-[\w.-]{20,})",
    r"(?<![A-Za-z0-9])(?-i:xox[a-z]-[\w-]{10,}|xapp-[\w-]{10,})|(?<=hooks\.slack\.com/)[\w/]{10,}",
    # Tokens with a prefix: Google, Stripe, OpenAI and Anthropic, npm, PyPI, Hugging Face, Docker, SendGrid,
    # DigitalOcean, Vault, Shopify, Grafana, Telegram.
    (
        r"(?<![A-Za-z0-9])(?-i:AIza[\w-]{30,}|ya29\.[\w-]{16,}|GOCSPX-[\w-]{16,}|[rs]k_(?:live|test)_[A-Za-z0-9]{10,}|"
        r"whsec_[\w+/=]{16,}|sk-(?=[\w-]{0,80}[0-9])[\w-]{16,}|npm_[A-Za-z0-9]{20,}|pypi-Ag[\w-]{16,}|"
        r"hf_[A-Za-z0-9]{20,}|dckr_pat_[\w-]{16,}|SG\.[\w-]{16,80}\.[\w-]{16,}|do[opr]_v1_[a-f0-9]{32,}|"
        r"hv[bsr]\.[\w-]{16,}|shp(?:at|ca|pa|ss)_[a-f0-9]{32}|gl(?:sa|c)_[\w+/=]{20,})"
    ),
    r"(?<![0-9])[0-9]{3,12}:(?-i:AA)[\w-]{20,}",
    # Webhooks of Discord, whose address is the secret.
    r"(?<=/webhooks/)[0-9]{5,}/[\w-]{10,}",
    # Signatures in the URLs of Azure and AWS.
    r"((?:[?&;]sig|x-amz-(?:signature|credential))=)[^\s&\"'<>]+",
    # Cookies: a header to the end of its line, or a value within quotes.
    r"(?m:^)([<>* \t]*(?:set-)?cookie:[ \t]*)[^\r\n]+",
    r"([\"'](?:set-)?cookie\\?[\"']?[ \t]*:[ \t]*\\?[\"']?)[^\r\n\"'\\]+",
    # curl -u user:password; --user likewise for others, but not docker's 1000:1000.
    (
        r"(\bcurl\b[^\r\n]{0,400}?[ \t]-[a-z]{0,8}u[ \t]*|[ \t]--(?:proxy-)?user(?:[ \t]+|=))"
        r"(?:(\\?[\"'])([^\s:\"']{1,80}:)[^\r\n\"']+|([^\s:\"']{1,80}:)(?![0-9]+(?!\S))[^\s\"']+)"
    ),
    # Authorization: Bearer …, Basic …; a bearer by itself.
    (
        r"(\b(?:proxy-)?authorization\\?[\"']?[ \t]*[:=][ \t]*\\?[\"']?)"
        r"(?:(?:digest|aws4-hmac-sha256)[ \t][^\r\n]*|(?:(?:bearer|basic|token|negotiate|apikey)[ \t]+)?[^\s\"'\\]+)"
    ),
    r"(\bbearer[ \t]+)[\w.~+/=-]{16,}",
    # https://token@host (other schemes have a user's name there); redis://user:password@host
    r"(\bhttps?://)[^\s:/?#@\"'<>]+(?=@)",
    r"(\b[a-z][a-z0-9+.-]{0,30}://[^\s:/?#@\"'<>]*:)[^\s/?#\"'<>]+(?=@)",
    # password=…, "token": "…", DB_PASSWORD: …, --api-key …
    rf"((?:{_NAMES})[\w.-]{{0,40}}\\?[\"']?[ \t]*(?:=>|:=|=|:)[ \t]*)(?!\[redacted\]){_VALUE}",
    rf"((?<![A-Za-z0-9])(?:\w{{0,40}}_)?pass=)(?!\[redacted\]){_VALUE}",
    r"(\\?[\"'](?:\w{0,40}_)?pass\\?[\"'][ \t]*:[ \t]*)(?!\[redacted\])" + _QUOTED,
    rf"(--[\w-]{{0,40}}(?:{_NAMES}|pass)[ \t]+)(?!-|\[redacted\]){_VALUE}",
)
"""Patterns, which ignore case. The groups of a match stay; `[redacted]` replaces the rest, which follows them."""


def redact_secrets(text: str) -> str:
    """`text` without what looks like a secret: the usual tokens and keys, passwords by their name and in URLs."""
    for pattern, replacement in _compiled():
        text = pattern.sub(replacement, text)
    return text


def redactor(*regexes: str, secrets: bool = False) -> Redact:
    """A function that takes out all matches of the `regexes`, and with `secrets` also what `redact_secrets` does.

    `redactor()` leaves each text as it is. Raises re.error for what is no regular expression.
    """
    patterns = [re.compile(regex) for regex in regexes]

    def redact(text: str) -> str:
        for pattern in patterns:
            text = pattern.sub(_PUT, text)
        return redact_secrets(text) if secrets else text

    return redact


def fitted(field: str, value: object, limit: int, redact: Redact | None) -> str | None:
    """The text, bytes or None for `field`, redacted, in at most `limit` bytes.

    Raises InvalidOperation for a value of another type.
    """
    if value is None:
        return None
    if redact is None and isinstance(value, str) and len(value) <= limit and value.isascii():
        return value  # as most are
    return redacted_end(_text(field, value), limit, redact)


def fitted_command(value: object, limit: int, redact: Redact | None) -> str | None:
    """The same for `command`, which keeps its beginning. Without a `redact`, `redact_secrets` redacts it."""
    if value is None:
        return None
    return redacted_beginning(_text("command", value), limit, redact_secrets if redact is None else redact)


def redacted_end(value: str | bytes, limit: int, redact: Redact | None, *, already_cut: int = 0) -> str:
    """The end of `value`, redacted if there is a `redact`, in at most `limit` bytes.

    The caller has cut off `already_cut` bytes before. Of a large `value` a bounded part is redacted. The cut may have
    halved a secret, so the beginning of that part is not kept. If `redact` fails, a remark stands in place of the
    text, which must not be recorded.
    """
    if redact is None:
        return truncate(value, limit, already_cut=already_cut)
    raw = value if isinstance(value, bytes) else text_of(value).encode()
    window = raw[max(0, len(raw) - limit - CONTEXT_BYTES) :]
    already_cut += len(raw) - len(window)
    text, remark = _redacted(window, redact)
    if remark is not None:
        return truncate(remark, limit)
    if not already_cut:
        return truncate(text, limit)
    kept = text.encode()[CONTEXT_BYTES:].decode("utf-8", "ignore")
    return truncate(kept, limit, already_cut=already_cut + len(window) - len(kept.encode()))


def redacted_beginning(value: str | bytes, limit: int, redact: Redact | None) -> str:
    """The same of the beginning of `value`. The part that is redacted grows until the rest of it fills `limit`."""
    if redact is None:
        return beginning(value, limit)
    raw = value if isinstance(value, bytes) else text_of(value).encode()
    size = limit + CONTEXT_BYTES
    while True:
        text, remark = _redacted(raw[:size], redact)
        if remark is not None:
            return truncate(remark, limit)
        if size >= len(raw):
            return beginning(text, limit)
        kept = text.encode()[:-CONTEXT_BYTES].decode("utf-8", "ignore")
        if (length := len(kept.encode())) >= limit:
            return beginning(kept, limit, already_cut=len(raw) - length)
        size *= 2


def _text(field: str, value: object) -> str | bytes:
    if not isinstance(value, str | bytes):
        raise InvalidOperation(field, "str or bytes", f"a value of type {type(value).__name__}")
    return value


def _redacted(raw: bytes, redact: Redact) -> tuple[str, str | None]:
    """The text without secrets, or in its place a remark that `redact` failed."""
    try:
        found = redact(text_of(raw))
        if not isinstance(found, str):
            raise TypeError
        return text_of(found), None
    except Exception as error:  # noqa: BLE001 - whatever it is, the operation is to be recorded
        # Without the error's text, which may quote the secret.
        logging.getLogger("producer").warning("redact failed with %s: a text is withheld", type(error).__name__)
        return "", f"[withheld: redact failed with {type(error).__name__}]"


@functools.cache
def _compiled() -> list[tuple[re.Pattern[str], str]]:
    """Compiled when first needed, because most producers never need them."""
    patterns = [re.compile(regex, re.IGNORECASE | re.DOTALL) for regex in _PATTERNS]
    return [(pattern, "".join(rf"\{n + 1}" for n in range(pattern.groups)) + _PUT) for pattern in patterns]
