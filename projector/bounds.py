"""The bounds of a projection: how many records, runs, actions and the like it keeps."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Annotated

import orjson

SCHEMA = "2"
"""The version of the projection's keys and rules. A projection of another version has to be rebuilt."""

DEFAULT_LEASE_SECONDS = 5.0
"""How long a projector that has died stays the active one."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a projection keeps; each bound is 1 to 10 million. Other bounds need a rebuild.

    The options of the command line take their help from here.
    """

    max_entries: Annotated[int, "Records in each of executions, failures, cleanups."] = 1000
    max_action_entries: Annotated[int, "Records of each action."] = 100
    max_in_flight: Annotated[int, "Runs in flight, and as many orphans."] = 10_000
    max_actions: Annotated[int, "Actions with statistics."] = 10_000
    max_scanners: Annotated[int, "Scanners with statistics."] = 10_000
    max_producers: Annotated[int, "Producers whose numbers are remembered."] = 10_000
    max_gaps: Annotated[int, "Open gaps of one producer."] = 100
    max_quarantine: Annotated[int, "Entries in the quarantine."] = 10_000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value) is not int or not 1 <= value <= 10_000_000:
                raise ValueError(f"{field.name}: expected an integer from 1 to 10000000, found {value!r}")

    @classmethod
    def of_config(cls, config: bytes) -> Bounds:
        """The bounds that `config` describes; raises ValueError for a text that `config()` did not make."""
        try:
            return cls(**orjson.loads(config))
        except TypeError as error:
            raise ValueError(f"expected the bounds of a projection, found {config!r}") from error

    def config(self) -> bytes:
        """The bounds as the checkpoint holds them: JSON, names sorted."""
        return orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS)
