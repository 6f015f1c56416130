"""The settings of a deployment: one typed object, read from the environment (``NIGHTMAIL_*``), then from a file.

The file is ``nightmail.toml`` in the working directory, or what ``NIGHTMAIL_SETTINGS_FILE`` names. Secrets are never
written there: they come from the environment, or from a file that the environment or a table's row names.
"""

from __future__ import annotations

import os
import secrets
from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from nightmail.errors import ConfigurationError

DEFAULT_SETTINGS_FILE = "nightmail.toml"


class Settings(BaseSettings):
    """Every setting of a deployment; ``NIGHTMAIL_DATA_DIR`` sets ``data_dir``, and so on."""

    model_config = SettingsConfigDict(env_prefix="NIGHTMAIL_", extra="ignore")

    data_dir: Path = Field(
        Path("nightmail-data"), description="Folder of the local database, lake, incoming files and keys"
    )
    database_url: SecretStr | None = Field(None, description="PostgreSQL of the product; empty: the one in data_dir")
    database_owner_url: SecretStr | None = Field(
        None,
        description="The same database for the role that owns its tables: `nightmail db` and the upgrade of `nightmail up`; "
        "empty: database_url's role owns them",
    )
    dagster_database_url: SecretStr | None = Field(
        None, description="PostgreSQL of Dagster; empty: database `dagster` on the same server"
    )
    lake_url: str | None = Field(
        None, description="Where the lake's Parquet files are (any fsspec URL); empty: data_dir/lake"
    )
    secret_key: SecretStr | None = Field(
        None,
        description="Key of address hashes and signed links, the same for every process of a deployment; empty: "
        "data_dir/secret_key, which is made where the local database is used",
    )
    public_url: str | None = Field(
        None, description="Address under which carriers and recipients reach the portal; empty: receipts are polled"
    )
    region: str = Field("eu", description="Hosting region of this deployment: eu or us")

    portal_host: str = "127.0.0.1"
    portal_port: int = 8321
    dagster_socket: Path | None = Field(
        None,
        description="Unix socket of Dagster's webserver, which the portal shows under /pipeline/; empty: not shown",
    )

    maximum_file_bytes: int = Field(2 * 1024**3, description="Largest contact file taken, in bytes as uploaded")
    maximum_expanded_bytes: int = Field(
        8 * 1024**3, description="Largest contact file after expansion of gzip, zip or zstd"
    )
    maximum_rows: int = 10_000_000
    maximum_columns: int = 500
    maximum_field_characters: int = 100_000

    default_country: str | None = Field(
        None, description="Country of national phone numbers when neither row, feed nor team says"
    )
    single_message_window_s: int = Field(
        60, description="Seconds after which a feed's open campaign of single messages closes"
    )
    late_start_asks_after_s: int = Field(
        3600, ge=60, description="Seconds after its time at which a scheduled send that has not begun asks for approval"
    )
    file_settle_s: float = Field(2.0, description="Seconds for which a file's size must not change before it is taken")
    sensor_interval_s: int = Field(2, description="Least seconds between two looks of a sensor")
    sends_partition_interval_s: int = Field(
        300, description="Least seconds between two writings of a campaign's sends partition"
    )
    report_interval_s: int = Field(600, description="Least seconds between two writings of today's reports")
    senders: int = Field(2, description="Sender runs at the most at once")

    maximum_request_bytes: int = Field(1024**2, description="Largest body of an API request that is not a file")
    upload_pause_s: float = Field(20.0, description="Longest pause within an upload before it is given up")
    upload_least_bytes_per_s: int = Field(1_000, description="Slowest average rate of an upload")
    api_requests_per_s: float = Field(50.0, description="Requests per second that one API key may make, on average")
    api_wrong_keys_per_minute: float = Field(
        60.0, description="How often one address may come with a wrong API key before it hears 429 in place of 401"
    )
    session_idle_minutes: int = Field(
        60, ge=5, le=1_440, description="A person's session ends after so long without a request; teams may shorten it"
    )
    session_hours: int = Field(
        12, ge=1, le=720, description="A person's session ends after so long in any case; teams may shorten it"
    )
    reauthenticate_minutes: int = Field(
        10, ge=1, le=60, description="How fresh the proof of who one is must be for roles, keys, carriers and erasure"
    )
    trusted_proxies: str = Field(
        "",
        description="Addresses or networks, by commas, of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed; "
        "empty: nobody's",
    )
    audit_file: Path | None = Field(
        None, description="File to which the portal appends the audit log as JSON lines, for a collector; empty: none"
    )
    webhook_timeout_s: float = Field(10.0, description="Seconds that a team's webhook may take to answer")
    webhook_private_addresses: bool = Field(
        False, description="Whether teams' webhooks may point into private networks and loopback"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The order in which sources are asked: arguments, environment, then the settings file."""
        file = Path(os.environ.get("NIGHTMAIL_SETTINGS_FILE", DEFAULT_SETTINGS_FILE))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=file)

    @property
    def lake(self) -> str:
        """The lake's URL, the local default filled in."""
        return self.lake_url or str(self.data_dir.resolve() / "lake")

    @property
    def incoming_dir(self) -> Path:
        """Where uploaded files are kept as they came, until retention deletes them."""
        return self.data_dir.resolve() / "incoming"

    def require_database_url(self) -> str:
        """The database's URL. Raises :class:`ConfigurationError` when none is set and no local server was started."""
        if self.database_url is None:
            raise ConfigurationError("database_not_configured")
        return self.database_url.get_secret_value()

    def key(self) -> bytes:
        """The secret key of address hashes and signed links; made once, in ``data_dir/secret_key``, when none is set.

        None is made beside a database that other machines may use: each would have its own. Raises
        :class:`ConfigurationError` (``secret_key_missing``) there.
        """
        if self.secret_key is not None and self.secret_key.get_secret_value():
            return self.secret_key.get_secret_value().encode()[:64]
        file = self.data_dir / "secret_key"
        if not file.exists():
            if self.database_url is not None:
                raise ConfigurationError("secret_key_missing", file=file.absolute())
            self.data_dir.mkdir(parents=True, exist_ok=True)
            aside = self.data_dir / f".secret_key.{os.getpid()}"
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as handle:
                handle.write(secrets.token_hex(32))
            try:
                os.link(aside, file)
            except FileExistsError:
                pass
            finally:
                aside.unlink()
        return file.read_text().strip().encode()


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once. Raises :class:`ConfigurationError` that names what is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors())
    except ValueError as error:
        wrong = f"the settings file is not TOML ({error})"
    raise ConfigurationError("settings_invalid", problem=wrong)


def read_secret(reference: str) -> str:
    """A secret by reference: ``env:NAME`` or ``file:PATH``. Raises :class:`ConfigurationError` when it is not there."""
    scheme, _, name = reference.partition(":")
    if scheme == "env" and name in os.environ:
        return os.environ[name]
    if scheme == "file" and Path(name).is_file():
        return Path(name).read_text().strip()
    raise ConfigurationError("secret_missing", reference=reference)
