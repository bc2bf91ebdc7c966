"""The kind of an error: its text without what differs from one failure to the next."""

import re
from functools import lru_cache

NO_TEXT = "(none)"
"""The kind of a failure without a text."""
MAX_KIND_BYTES = 200

_READ = 512
"""Characters of an error that decide on its kind, more than twice as many as a kind has."""

_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_CLOCK = r"\d{1,2}:\d\d:\d\d(?:[.,]\d++)?"
_DAY = (
    rf"(?:\d{{4}}-\d\d-\d\d|\d{{4}}/\d\d/\d\d|\d{{1,2}}/{_MONTH}/\d{{4}}"
    rf"|(?:[A-Z][a-z]{{2}},? )?(?:{_MONTH} {{1,2}}\d{{1,2}}|\d{{1,2}} {_MONTH})(?:,? \d{{4}}(?!:))?)"
)
_ZONE = r"(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?"
_HEX = "[0-9a-fA-F]"
_FILE = r"\.(?:py|rs|js|ts|go|c|cc|cpp|h|java|rb|sh|sql|ya?ml|toml|json)"
_LETTERS = r"\w\u00c0-\u1fff\u2c00-\U0010ffff"
"""For a class, with re.ASCII: also the blocks with letters of other scripts, whole. Python's own tables of letters
and digits grow with its versions, and a rebuild by another Python has to find the same kinds."""
# What begins first wins, and of two that begin together the one that stands first here. The repetitions are
# possessive, and begin only where nothing before them would repeat them, so that no text takes quadratic time.
_PARTS = re.compile(
    "|".join(
        [
            r"""(?P<text>"[^"\n]*+"|(?<![\w])'[^'\n]*+'(?![\w])|`[^`\n]*+`|“[^”\n]*+”|‘[^’\n]*+’|«[^»\n]*+»)""",
            r"(?P<address_url>(?<![\w.+-])(?:[A-Za-z][A-Za-z0-9+.-]*+://[^\s\"'<>)]++|[\w.+-]++@[\w-]++(?:\.[\w-]++)+))",
            rf"(?P<time>\b(?:{_DAY}(?:[T: ]{_CLOCK}(?: \d{{4}})?)?|{_CLOCK}){_ZONE}(?![\w]))",
            rf"(?P<id>\b(?:{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}|0[xX]{_HEX}++"
            rf"|(?=[0-9]*+[a-fA-F])(?=[a-fA-F]*+[0-9]){_HEX}{{7,}}+"
            r"|(?=[0-9]*+[A-Za-z])(?=[A-Za-z]*+[0-9])[A-Za-z0-9]{16,}+|\d{16,}+)\b)",
            rf"(?P<path_file>(?<![\w./-])[\w-]++{_FILE}\b)",
            rf"(?P<address>\b\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?::\d++)?\b|\[(?=[0-9a-fA-F.]*+:)[0-9a-fA-F:.]++\](?::\d++)?"
            rf"|(?<![\w:])(?:{_HEX}{{0,4}}:){{2,7}}{_HEX}{{1,4}}(?![\w:])|(?<![\w.-])[A-Za-z][\w.-]*+:\d{{2,5}}\b)",
            r"(?P<path>(?<![\w.])(?:~|\.{1,2})?/[^\s:,;'\"()<>|]++|\b[A-Za-z]:\\[^\s:,;'\"<>|]++)",
            r"(?P<words>(?<![\w.-])[\w.-]++(?:/[\w.-]++)+)",
            r"(?P<number>(?:(?<![\w])[+-])?\d++(?:[.,]\d++)*+)",
        ]
    ).replace(r"[\w", f"[{_LETTERS}"),
    re.ASCII,
)
_may_have_parts = re.compile(r"""[0-9/"'`“‘«@\\:]""").search
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*", re.ASCII)
_is_relative_path = re.compile(r".*/.*/|.*/.*\.[A-Za-z]\w{0,5}\Z", re.ASCII).match


@lru_cache(maxsize=1024)
def kind_of(error: str | None) -> str:
    """What `error` has in common with errors of its kind, at most 200 bytes of UTF-8: quoted strings, times, ids,
    addresses, paths and numbers are replaced by `<text>`, `<time>`, `<id>`, `<address>`, `<path>`, `<number>`."""
    text = (error or "")[:_READ]
    if _may_have_parts(text):
        text = _PARTS.sub(_name, text)
    return cut(" ".join(text.split()), MAX_KIND_BYTES) or NO_TEXT


def cut(text: str, most: int) -> str:
    """The first characters of `text` that have at most so many bytes of UTF-8."""
    if text.isascii():
        return text[:most]
    return text[:most].encode()[:most].decode("utf-8", "ignore")


def _name(found: re.Match[str]) -> str:
    name = found.lastgroup or ""
    if name == "words":  # read/write is none of them, and 3/4 two numbers
        return "<path>" if _is_relative_path(found[0]) else _NUMBER.sub("<number>", found[0])
    return f"<{name.partition('_')[0]}>"
