"""Which namespaces are meant where the server may not tell: by what is archived."""

from __future__ import annotations

from projector.cli.addresses import LogAddresses
from projector.cli.partitions.each import names_of
from projector.errors import ServerRefused, ServerUnavailable
from projector.namespaces.whole import whole_of


def archived_names(log: LogAddresses, where: str) -> list[str]:
    """The namespaces that are meant, and of a name of which the server knows no partitions the partitions that are
    archived at `where`. Globs are for what is on the server. Raises as `names_of` does, and ArchiveUnavailable."""
    from projector.archive.place import namespaces_at

    names = names_of(log, unless=(ServerUnavailable, ServerRefused))
    whole = [name for name in names if name in log.namespace]
    archived = namespaces_at(where) if whole else []
    partitions = [name for name in archived if whole_of(name) in whole]
    divided = {whole_of(name) for name in partitions} - set(archived)
    return sorted({*names, *partitions} - divided)
