"""What can go wrong on the projector's side: every error is a ProjectorError, and says what repairs it."""

from producer.errors import WalError
from producer.wal import DEFAULT_NAMESPACE

__all__ = [
    "ArchiveDamaged",
    "ArchiveUnavailable",
    "ConfigMismatch",
    "Damaged",
    "InvalidQuery",
    "LossesFound",
    "ProjectorError",
    "ServerRefused",
    "ServerUnavailable",
    "Superseded",
    "TooManyStreams",
    "TooMuchWork",
]


def command_for(namespace: str, words: str) -> str:
    """`projector <words>` for `namespace`, as somebody can paste it into a shell."""
    return f"projector {words}" + ("" if namespace == DEFAULT_NAMESPACE else f" --namespace {namespace}")


def mend_of(key: bytes) -> str:
    """The command that repairs a `key` which holds what nobody wrote there. None deletes a log."""
    namespace, _, name = (text := text_of(key)).removeprefix("{").partition("}:")
    rebuild = command_for(namespace, "rebuild")
    commands = {
        "lease": f"redis-cli DEL '{text}'",
        "traced": f"redis-cli DEL '{text}'",
        "verified": command_for(namespace, "verify"),
        "wal": f"redis-cli RENAME '{text}' '{text}-before' && {rebuild}",
    }
    return commands.get(name, rebuild)


def cures_of_loss(namespace: str, *, from_archive: bool = False) -> str:
    """How an error about lost entries ends; `from_archive`: they are not in the archive that was named."""
    if from_archive:
        accepted = command_for(namespace, 'rebuild --archive WHERE --accept-loss "why"')
        return f"restore the server's data from a backup (else put the loss on record with: {accepted})"
    archived = command_for(namespace, "rebuild --archive WHERE")
    accepted = command_for(namespace, 'rebuild --accept-loss "why"')
    return (
        f"restore the server's data from a backup, or fold them from the archive with: {archived} (if they are "
        f"in neither, put the loss on record with: {accepted})"
    )


def repair_of(key: bytes) -> str:
    """How an error about `key` ends: with the command that repairs it."""
    return f"repair it with: {mend_of(key)}"


class ProjectorError(WalError):
    """The root of the projector's errors."""


class InvalidQuery(ProjectorError, ValueError):
    """An argument that makes no query; nothing was sent."""

    def __init__(self, name: str, expected: str, found: object) -> None:
        super().__init__(f"{name}: expected {expected}, found {found!r}")


class ServerUnavailable(ProjectorError):
    """Redis cannot be reached, does not answer in time, or is loading: waiting repairs it."""


class ServerRefused(ProjectorError):
    """The server refuses, and waiting does not change that: a missing permission, a wrong password, an unknown
    command. An operator repairs it."""


class TooMuchWork(ProjectorError):
    """The web server has no time for this request: it asks for too much, or too many others wait."""


class TooManyStreams(ProjectorError):
    """A client, or all together, have as many streams open as the web server keeps."""


class ConfigMismatch(ProjectorError):
    """The projection was made with another schema or other bounds; `projector rebuild` makes it anew."""


class Damaged(ProjectorError):
    """Somebody deleted, trimmed or replaced what is not theirs: the log or the projection is not what the checkpoint
    says it is. The text names the command that repairs it."""


class ArchiveUnavailable(ProjectorError):
    """The archive cannot be read or written: its disk is full, its store away. Waiting, or room, repairs it."""


class ArchiveDamaged(Damaged):
    """The archive holds what no archiver wrote, lacks a file, or is another log's: the text names the file."""


class LossesFound(Damaged):
    """The projection knows entries that are no longer there. They are in the archive or in a backup, or somebody
    accepts that they are lost. `found` is the text without the cures, of which one is less for a rebuild
    `from_archive`."""

    def __init__(self, found: str, namespace: str, *, from_archive: bool = False) -> None:
        super().__init__(f"{found}; {cures_of_loss(namespace, from_archive=from_archive)}")
        self.found = found
        self.namespace = namespace


def damaged(key: bytes, found: str) -> Damaged:
    """The error for a key that holds something else than the projection writes there."""
    return Damaged(f"{text_of(key)} holds {found}; {repair_of(key)}")


def text_of(raw: bytes) -> str:
    """A key, name or value for a person to read; bytes that are no UTF-8 as `\\xff`."""
    return raw.decode("utf-8", "backslashreplace")


class Superseded(ProjectorError):
    """Another projector or rebuild came first, or the connection broke. Starting over is safe.

    `holder` is the token in the lease, if a script found another's there.
    """

    def __init__(self, text: str, *, holder: str = "") -> None:
        super().__init__(text)
        self.holder = holder
