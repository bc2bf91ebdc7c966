"""The command line that `ps` shows of this process to every user of the machine, without the passwords in it."""

import re
import sys

_ACCOUNT = re.compile(r"(?<=://)([^:@/]*:)(.*)(?=@)", re.DOTALL)
_OPTION = re.compile(r"([?&][^=&]*password=)([^&]*)", re.IGNORECASE)


def hide_passwords() -> None:
    """Replace the passwords of URLs in this process's title by stars; `sys.argv` keeps them.

    Until the call, other users can see such a password. They never see a URL in WAL_URL.
    """
    shown = [hidden_in(argument) for argument in sys.orig_argv]
    if shown == sys.orig_argv:
        return
    import setproctitle  # here, because few command lines have a password

    name = setproctitle.getthreadtitle()
    setproctitle.setproctitle(" ".join(shown).encode(errors="replace").decode())
    setproctitle.setthreadtitle(name)  # pgrep and killall look for it, and setproctitle has replaced it too


def hidden_in(argument: str) -> str:
    """`argument` with a star for each character of a URL's passwords."""
    return _OPTION.sub(_starred, _ACCOUNT.sub(_starred, argument))


def _starred(found: re.Match[str]) -> str:
    return found[1] + "*" * len(found[2])
