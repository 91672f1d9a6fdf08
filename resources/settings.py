"""The product's settings, read from environment variables SCHEDULER_*; every error names its variable."""

import os
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from resources.embedded import EmbeddedServer
from resources.embedded_bootstrap import DAGSTER_DATABASE, DATABASE, SUPERUSER
from resources.embedded_directories import blocking_directory, digest, server_user
from resources.errors import InvalidSettings, ServerUnavailable

_PREFIX = "SCHEDULER_"
_CHECKOUT = Path(__file__).resolve().parent.parent
_DSN_FORM = (
    "a libpq connection string, postgresql://user@host:5432/database or host=… dbname=…, "
    "with special characters of a URL's password percent-encoded"
)
_URL_FORM = "the http:// or https:// address that notifications are posted to"


def default_data_directory() -> Path:
    """Return .scheduler in the checkout; where that cannot serve, /var/lib/scheduler-<hash> for root, else in /var/tmp.

    It cannot in an installed package, in a folder of somebody else, and for root in a folder closed to the
    user PostgreSQL runs as. Depends on no working directory, so that all processes of one user agree.
    """
    preferred = _CHECKOUT / ".scheduler"
    existing = preferred if os.path.lexists(preferred) else _CHECKOUT
    usable = _is_checkout() and os.access(existing, os.W_OK | os.X_OK)
    if usable and os.geteuid() == 0:
        usable = blocking_directory(existing, server_user(preferred / "data")) is None
    if usable:
        return preferred
    elsewhere = "/var/lib" if os.geteuid() == 0 else "/var/tmp"
    return Path(elsewhere, f"scheduler-{digest(_CHECKOUT / str(os.geteuid()))}")


class SchedulerSettings(BaseSettings):
    """How this process reaches PostgreSQL: one frozen value, from the environment or from keyword arguments.

    Each field is the variable SCHEDULER_<FIELD>; its description is what a right value looks like.
    Raises InvalidSettings for values that contradict each other; use `load` to get it for every error.
    """

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_ignore_empty=True, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    persistence: Literal["embedded", "postgres"] = Field("embedded", description="embedded or postgres")
    dsn: SecretStr | None = Field(None, description=_DSN_FORM)
    direct_dsn: SecretStr | None = Field(None, description=_DSN_FORM)
    dagster_dsn: SecretStr | None = Field(None, description=_DSN_FORM)
    data_directory: Path = Field(default_factory=default_data_directory, description="a directory")
    pool_min_size: int = Field(0, ge=0, description="a whole number of connections, 0 or more")
    pool_max_size: int = Field(8, ge=1, description="a whole number of connections, 1 or more")
    pool_timeout: float = Field(
        10, gt=0, allow_inf_nan=False, description="a number of seconds greater than 0"
    )
    run_retention_days: int = Field(400, ge=1, le=36_500, description="a whole number of days, 1 to 36500")
    log_retention_days: int = Field(90, ge=1, le=36_500, description="a whole number of days, 1 to 36500")
    prune_batch_size: int = Field(
        1000, ge=1, le=100_000, description="a whole number of rows of a table, 1 to 100000"
    )
    stuck_after_seconds: int = Field(
        600, ge=10, le=86_400, description="a whole number of seconds, 10 to 86400"
    )
    prepare_statements: bool | None = Field(
        None, description="true, or false; unset: true unless a pooler is in between"
    )
    notify_url: SecretStr | None = Field(None, description=_URL_FORM)
    correlation_id: UUID | None = Field(
        None, description="the UUID of the request that this process is part of, for its audit entries"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read keyword arguments and the environment, no file."""
        return init_settings, env_settings

    @classmethod
    def load(cls) -> Self:
        """Return the settings of the environment; raises InvalidSettings naming the wrong variable."""
        try:
            return cls()
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = str(first["loc"][0])
            expected = cls.model_fields[field].description or first["msg"]
            raise InvalidSettings(_PREFIX + field.upper(), first["input"], expected) from None

    @field_validator("data_directory")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        """Take a relative path from the checkout: processes with other working directories must agree."""
        base = _CHECKOUT if _is_checkout() else Path.cwd()
        return (base / os.path.expanduser(value)).resolve()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name in ("dsn", "direct_dsn", "dagster_dsn"):
            secret: SecretStr | None = getattr(self, name)
            if secret is not None and self.persistence == "embedded":
                raise InvalidSettings(
                    _PREFIX + name.upper(),
                    _shown(secret),
                    "none with the embedded server; set SCHEDULER_PERSISTENCE=postgres to use it",
                )
            if secret is not None:
                _check_dsn(_PREFIX + name.upper(), secret)
        if self.persistence == "postgres" and self.dsn is None:
            raise InvalidSettings(
                "SCHEDULER_DSN", None, f"{_DSN_FORM}, because SCHEDULER_PERSISTENCE=postgres"
            )
        if self.notify_url is not None and not _is_web_address(self.notify_url.get_secret_value()):
            raise InvalidSettings("SCHEDULER_NOTIFY_URL", "***", _URL_FORM)
        if self.pool_min_size > self.pool_max_size:
            raise InvalidSettings(
                "SCHEDULER_POOL_MIN_SIZE",
                self.pool_min_size,
                f"at most SCHEDULER_POOL_MAX_SIZE={self.pool_max_size}",
            )
        return self

    def embedded_server(self) -> EmbeddedServer:
        """Return the embedded server of the data directory; starts nothing."""
        return EmbeddedServer(self.data_directory)

    def conninfo(self) -> str:
        """Return libpq's connection string of the application's login; starts nothing."""
        if self.dsn is None:
            return self.embedded_server().conninfo()
        return make_conninfo(self.dsn.get_secret_value())

    def direct_conninfo(self) -> str:
        """Return libpq's connection string of the login to PostgreSQL itself, past a pooler; starts nothing."""
        if self.direct_dsn is None:
            return self.conninfo()
        return make_conninfo(self.direct_dsn.get_secret_value())

    def admin_conninfo(self) -> str:
        """Return libpq's connection string of the role that migrates: the superuser, or the direct login."""
        if self.dsn is None:
            return self.embedded_server().conninfo(DATABASE, SUPERUSER)
        return self.direct_conninfo()

    def dagster_conninfo(self) -> str:
        """Return libpq's connection string of Dagster's own storage; it listens, which a pooler does not carry."""
        if self.dagster_dsn is not None:
            return make_conninfo(self.dagster_dsn.get_secret_value())
        return make_conninfo(self.direct_conninfo(), dbname=DAGSTER_DATABASE)

    def dagster_url(self) -> str:
        """Return Dagster's own storage as SQLAlchemy URL, password included.

        The driver is named: a plain postgresql:// is psycopg 3 from SQLAlchemy 2.1 on, which dagster-postgres
        does not speak. All but user and password stand in the query, where sockets and host lists fit.
        """
        from sqlalchemy.engine import URL

        parts = {name: str(value) for name, value in conninfo_to_dict(self.dagster_conninfo()).items()}
        user, password = parts.pop("user", None), parts.pop("password", None)
        url = URL.create("postgresql+psycopg2", username=user, password=password, query=parts)
        return url.render_as_string(hide_password=False)


def warn_of_unknown_variables(names: Iterable[str], others: Iterable[str]) -> list[str]:
    """What to say of each name SCHEDULER_* that is neither a setting nor one of ``others``."""
    known = sorted({*(_PREFIX + field.upper() for field in SchedulerSettings.model_fields), *others})
    unknown = sorted(name for name in names if name.startswith(_PREFIX) and name not in known)
    near = {name: get_close_matches(name, known, 1) for name in unknown}
    return [
        f"{name} means nothing" + (f"; did you mean {near[name][0]}?" if near[name] else "")
        for name in unknown
    ]


def ensure_server(settings: SchedulerSettings, *, direct: bool = False) -> None:
    """Start or attach to the embedded server, or check that the configured one accepts our login.

    ``direct`` asks for the way past a pooler, where one is set.
    Raises ServerUnavailable, which shows host, port, database and user but no password.
    """
    if settings.dsn is None:
        settings.embedded_server().start()
        return
    name, dsn = ("dsn", settings.dsn)
    if direct and settings.direct_dsn is not None:
        name, dsn = ("direct_dsn", settings.direct_dsn)
    try:
        psycopg.connect(make_conninfo(dsn.get_secret_value()), connect_timeout=5).close()
    except psycopg.OperationalError as error:
        reason = " ".join(str(error).split())
        variable = _PREFIX + name.upper()
        raise ServerUnavailable(
            f"PostgreSQL at {_shown(dsn)} ({variable}) cannot be reached: {reason}"
        ) from None


def _is_checkout() -> bool:
    return (_CHECKOUT / "pyproject.toml").exists()


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _check_dsn(variable: str, secret: SecretStr) -> None:
    try:
        parts = conninfo_to_dict(secret.get_secret_value())
    except psycopg.ProgrammingError:
        raise InvalidSettings(variable, _shown(secret), _DSN_FORM) from None
    # A bare @ or / in a URL's password moves a part of it into these, where a later error would show it.
    if any("@" in str(parts.get(name)) for name in ("host", "port", "dbname")):
        raise InvalidSettings(variable, "***", _DSN_FORM)


def _shown(secret: SecretStr) -> str:
    """Return what a message may say of a DSN: where it leads and as whom."""
    try:
        parts = conninfo_to_dict(secret.get_secret_value())
    except psycopg.ProgrammingError:
        return "***"
    shown = (
        f"{name}={parts[name]}" for name in ("service", "host", "port", "dbname", "user") if name in parts
    )
    return " ".join(shown) or "libpq's defaults"
