"""The settings file: TOML, whose keys are the names of options. Loads pydantic, so only where there is a file.

Typer takes an option from its flag, else from its `WAL_…` variable, else from this file, else from its default.
"""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from producer.errors import InvalidSettings

_Bound = Annotated[int, Field(ge=1, le=10_000_000)]


class Expected(BaseModel):
    """What `projector check` expects of an action, in the section `[expect.ACTION]`; durations such as `26h`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    every: str | None = None
    cron: str | None = None
    timezone: str | None = None
    grace: str | None = None
    max_failures: Annotated[int, Field(ge=0)] | None = None
    max_age: str | None = None
    max_duration: str | None = None


class Settings(BaseSettings):
    """The keys of a settings file, each with the meaning of the option and the variable of its name.

    `url` is `--url` and `WAL_URL`, `lease_ttl` (seconds) is `--lease-ttl` and `WAL_LEASE_TTL`, and so on.
    """

    model_config = SettingsConfigDict(extra="forbid", strict=True, frozen=True)

    url: str | None = None
    namespace: str | None = None
    spool: str | None = None
    lease_ttl: Annotated[float, Field(ge=0.1, le=3600)] | None = None
    max_entries: _Bound | None = None
    max_action_entries: _Bound | None = None
    max_in_flight: _Bound | None = None
    max_actions: _Bound | None = None
    max_scanners: _Bound | None = None
    max_producers: _Bound | None = None
    max_gaps: _Bound | None = None
    max_quarantine: _Bound | None = None
    password_file: str | None = None
    archive: str | None = None
    sign_key: str | None = None
    seal_after: Annotated[float, Field(ge=0.1, le=86_400)] | None = None
    retain: str | None = None
    retain_entries: Annotated[int, Field(ge=0)] | None = None
    no_archive: bool | None = None
    group_idle: str | None = None
    partitions: Annotated[int, Field(ge=1, le=1000)] | None = None
    otlp: str | None = None
    metrics: str | None = None
    metrics_actions: Annotated[int, Field(ge=0, le=10_000)] | None = None
    listen: str | None = None
    token_file: str | None = None
    trust_proxy_header: str | None = None
    allow_host: str | None = None
    path_prefix: str | None = None
    expect: dict[str, Expected] | None = None

    @classmethod
    def settings_customise_sources(cls, *_: Any, **sources: Any) -> tuple[PydanticBaseSettingsSource, ...]:
        return (sources["init_settings"],)  # the variables are Typer's


def read_settings(file: Path) -> dict[str, Any]:
    """The settings that `file` has, by name; an empty text counts as not given, as in a variable.

    Raises InvalidSettings, which names the file and the key.
    """
    try:
        file.open("rb").close()  # pydantic-settings takes a file that does not exist for an empty one
        settings = Settings(**TomlConfigSettingsSource(Settings, file)()).model_dump(exclude_unset=True)
        return {name: value for name, value in settings.items() if value != ""}
    except OSError as error:
        raise InvalidSettings(f"{file}: expected a settings file, found: {error.strerror}") from error
    except ValidationError as error:
        raise InvalidSettings(f"{file}: {'; '.join(map(_told, error.errors()))}") from error
    except (ValueError, RecursionError) as error:  # also for a number too long, or brackets nested too deep
        raise InvalidSettings(f"{file}: expected TOML, found: {error}") from error


def _told(error: Any) -> str:
    key = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        known = Expected.model_fields if error["loc"][1:] else Settings.model_fields
        return f"{key}: expected one of the keys {', '.join(known)}, found an unknown key"
    return f"{key}: expected {error['msg'].removeprefix('Input should be ')}, found {error['input']!r}"
