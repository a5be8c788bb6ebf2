"""Settings: from the environment (HEATREEL_...), else from a TOML file, else as they stand here.

Everything that an operator decides is here, with its unit; what a policy decides is in the policy.
"""

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from pipeline.scoring.backend import Device, Precision
from workers.errors import SettingsError
from workers.store.records import LeaseTerms

FILE_VARIABLE = "HEATREEL_SETTINGS"  # names the TOML file
PREFIX = "HEATREEL_"
OTHERS = {FILE_VARIABLE, "HEATREEL_CACHE"}  # the latter is the library's

# A name with its domain, in lower case, perhaps with a port. What ends in a number is none: that is
# an address, however it is written (as 2130706433, 0x7f.1 or 127.0.0.0x1).
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
HOST = re.compile(rf"(?:{_LABEL}\.)+(?=[a-z]){_LABEL}(?::([1-9][0-9]{{0,4}}))?")
MAX_PORT = 65535

Seconds = Annotated[float, Field(ge=0.001, le=1e9)]
Count = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=0, le=MAX_PORT)]


def _require_no_secret(url: str) -> str:
    """Refuse an address with a password in it: addresses are shown."""
    if "@" in url:
        raise ValueError("should hold no user and no password: those are s3_key and s3_secret")
    return url


def _require_prefix(uri: str) -> str:
    """Refuse a prefix that would allow more than it shows."""
    scheme, _, rest = uri.partition("://")
    host, *steps = rest.split("/")
    is_place = {
        "s3": bool(host),
        "file": not host and len(steps) > 1,
        "https": _is_host(host),
    }.get(scheme, False)
    is_plain = all(step.strip(".") for step in steps[:-1]) and not set(uri) & set("\\?#%@*")
    if not is_place or not is_plain or steps[-1:] != [""] or not uri.isprintable():
        raise ValueError(
            "should be file:///folder/, s3://bucket/ or https://host.name/, with a slash at its end"
        )
    return uri


def _is_host(text: str) -> bool:
    match = HOST.fullmatch(text)
    return match is not None and int(match[1] or 0) <= MAX_PORT


def _require_network(network: str) -> str:
    """Refuse what is neither an address nor a network: it would be trusted as a name."""
    try:
        ipaddress.ip_network(network)
    except ValueError as error:
        raise ValueError(f"should be an address or a network: {error}") from error
    return network


def _default_home() -> Path:
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "heatreel"


class Settings(BaseSettings):
    """What an operator decides."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        extra="forbid",
        frozen=True,
        validate_default=True,
        hide_input_in_errors=True,  # it may be secret
    )

    home: Path = Field(default_factory=_default_home, description="folder of all that is kept here")
    database_url: SecretStr | None = Field(
        default=None,
        description="sqlite:///... or postgresql+psycopg://...; default: a file in home",
    )
    broker_url: SecretStr | None = Field(
        default=None,
        description="redis://... or redis+socket://...; default: the server of `heatreel up`",
    )
    artifacts_url: str | None = Field(
        default=None, description="file:///... or s3://bucket/prefix; default: a folder in home"
    )
    s3_endpoint: Annotated[str, AfterValidator(_require_no_secret)] | None = Field(
        default=None, description="address of an S3-compatible store"
    )
    s3_key: SecretStr | None = None
    s3_secret: SecretStr | None = None

    policies: tuple[str, ...] = Field(
        default=("nudity", "nudity-fast", "cats"),
        min_length=1,
        description="names or files; the first is the default",
    )
    models: dict[str, str] = Field(
        default_factory=dict, description="a model's id to its model.toml; built-ins need none"
    )
    banks: dict[str, str] = Field(
        default_factory=dict, description="a model's id to its bank, which tells strangers"
    )
    device: Device = Device.AUTO
    device_id: Annotated[int, Field(ge=0)] = 0
    precision: Precision = Precision.FP32
    threads: Annotated[int, Field(ge=0)] = 1

    slots: Count = Field(default=2, description="steps that one worker has in work at once")
    chunk_s: Seconds = Field(
        default=300, description="longest video that is one chunk, and their length"
    )
    lease_s: Seconds = Field(
        default=60, description="a step without a heartbeat is another's after this"
    )
    lease_cap_s: Seconds = Field(default=3600, description="and with heartbeats after this")
    max_attempts: Count = Field(
        default=5, description="claims of a step before it goes to a person"
    )
    backoff_s: Seconds = Field(
        default=10, description="rest after the first failed attempt; doubles"
    )
    max_backoff_s: Seconds = Field(default=600, description="longest rest")
    grace_s: Seconds = Field(default=20, description="at shutdown, steps have this long to finish")
    silence_s: Seconds = Field(
        default=120, description="a decoder without a sign of life is killed"
    )
    decoder_bytes: Count = Field(
        default=4_000_000_000, description="most address space that a decoder has"
    )
    sandbox_required: bool = Field(
        default=True, description="no worker starts where the system offers decoders no sandbox"
    )

    tick_s: Seconds = Field(default=0.2, description="how often the relay looks for what is due")
    ring_again_s: Seconds = Field(
        default=30, description="a bell that nobody answered is rung again"
    )
    ring_window: Count = Field(
        default=500, description="most bells that wait in the broker, a kind"
    )

    host: str = "127.0.0.1"
    port: Port = 8080
    metrics_host: str = "127.0.0.1"
    metrics_port: Port | None = Field(
        default=None, description="of a worker's figures for Prometheus; default: none"
    )
    relay_metrics_port: Port | None = Field(
        default=None, description="of a relay's figures, likewise at metrics_host; default: none"
    )
    trusted_proxies: tuple[Annotated[str, AfterValidator(_require_network)], ...] = Field(
        default=(),
        description="addresses or networks of proxies whose X-Forwarded-For is believed",
    )
    uris: tuple[Annotated[str, AfterValidator(_require_prefix)], ...] = Field(
        default=(), description="prefixes of the URIs that may be submitted; default: none"
    )
    max_upload_bytes: Count = Field(
        default=10_000_000_000, description="of a video, whether it is uploaded or fetched by URI"
    )
    fetch_timeout_s: Seconds = Field(
        default=1200, description="longest that fetching one video by https may take"
    )
    upload_timeout_s: Seconds = Field(default=3600, description="longest that one upload may take")
    webhook_hosts: tuple[str, ...] = Field(
        default=(), description="hosts that webhooks may go to, as host or host:port; default: none"
    )
    webhook_timeout_s: Seconds = 10
    webhook_attempts: Count = 12
    retention_days: Annotated[float, Field(gt=0, le=1e5)] | None = Field(
        default=None, description="submissions are deleted after this; default: never"
    )
    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not wanted
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not wanted
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the environment before the file."""
        named = os.environ.get(FILE_VARIABLE)
        file = TomlConfigSettingsSource(settings_cls, Path(named)) if named else None
        return (init_settings, env_settings, *([file] if file else []))

    @cached_property
    def database(self) -> str:
        """The database's address, secrets included."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.home / 'heatreel.db'}"

    @cached_property
    def broker(self) -> str:
        """The broker's address, secrets included."""
        if self.broker_url is not None:
            return self.broker_url.get_secret_value()
        return f"redis+socket://{self.home / 'valkey.sock'}"

    @cached_property
    def artifacts(self) -> str:
        """The artifact store's address."""
        return self.artifacts_url or f"file://{self.home / 'artifacts'}"

    @cached_property
    def artifact_options(self) -> dict[str, Any]:
        """What the artifact store's driver takes besides, secrets included."""
        options: dict[str, Any] = {}
        if self.s3_endpoint:
            options["client_kwargs"] = {"endpoint_url": self.s3_endpoint}
        if self.s3_key and self.s3_secret:
            options["key"] = self.s3_key.get_secret_value()
            options["secret"] = self.s3_secret.get_secret_value()
        return options if self.artifacts.startswith("s3://") else {}

    @cached_property
    def terms(self) -> LeaseTerms:
        """How long steps are held, and how often they are tried."""
        return LeaseTerms(
            lease_ms=_to_ms(self.lease_s),
            cap_ms=_to_ms(max(self.lease_s, self.lease_cap_s)),
            max_attempts=self.max_attempts,
            backoff_ms=_to_ms(self.backoff_s),
            max_backoff_ms=_to_ms(max(self.backoff_s, self.max_backoff_s)),
        )


def read_settings() -> Settings:
    """Return the effective settings.

    Raises:
        SettingsError: a line a fault; no value that may be secret is in it.
    """
    named = os.environ.get(FILE_VARIABLE)
    if named and not Path(named).is_file():
        raise SettingsError(f"{FILE_VARIABLE}: there is no file {named}")
    unknown = _find_unknown(os.environ)
    try:
        settings = Settings()
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        lines = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in faults]
        raise SettingsError("\n".join([*unknown, *lines])) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError("\n".join([*unknown, f"{named}: {error}"])) from error
    except ValueError as error:  # an environment variable that should hold JSON
        first = str(error).partition("\n")[0]
        raise SettingsError("\n".join([*unknown, first])) from error
    if unknown:
        raise SettingsError("\n".join(unknown))
    return settings


def _find_unknown(environment: Mapping[str, str]) -> list[str]:
    """Return a line for each variable that looks like a setting, and is none: a slip of the pen."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | OTHERS
    found = sorted(name for name in environment if name.upper().startswith(PREFIX))
    return [f"{name}: there is no such setting" for name in found if name.upper() not in known]


def show_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings as plain values, secrets masked."""
    return settings.model_dump(mode="json")


def _to_ms(seconds: float) -> int:
    return round(seconds * 1000)
