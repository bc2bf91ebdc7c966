"""Expectations as a settings file has them: `[expect.nightly-backup]`, with durations such as `26h`."""

from collections.abc import Mapping
from typing import Any

from producer.errors import InvalidSettings
from projector.errors import InvalidQuery
from projector.expectation.expectation import Expectation
from projector.retention.retention import milliseconds_in

_DURATIONS = ("every", "grace", "max_age", "max_duration")


def expectations_of(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, Expectation]:
    """By action. Raises InvalidSettings, which names the key."""
    found = {}
    for action_id, section in sections.items():
        fields = {name: value for name, value in section.items() if name not in _DURATIONS}
        try:
            for key in filter(section.__contains__, _DURATIONS):
                fields[f"{key}_ms"] = milliseconds_in(section[key])
            found[action_id] = Expectation(action_id=action_id, **fields)
        except InvalidQuery as error:
            raise InvalidSettings(f"expect.{action_id}.{error}") from error
        except ValueError as error:
            raise InvalidSettings(f"expect.{action_id}.{key}: {error}") from error
    return found
