"""The database of Dagster's own storage is checked before Dagster fails on it."""

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from resources.dagster_database import require_dagster_database
from resources.errors import ServerUnavailable
from resources.settings import SchedulerSettings


@pytest.fixture
def made(server, settings, make_database):
    """A database of the superuser's, and the settings of a login that is a stranger there."""
    name = make_database("")
    dagster_dsn = server.conninfo(name)
    changed = SchedulerSettings(persistence="postgres", dsn=settings.conninfo(), dagster_dsn=dagster_dsn)
    with psycopg.connect(server.conninfo(name, "postgres"), autocommit=True) as admin:
        yield changed, admin, name


def test_a_login_that_may_not_create_tables_is_told_what_to_run(made):
    settings, admin, name = made
    with pytest.raises(ServerUnavailable) as raised:
        require_dagster_database(settings)
    assert f"Dagster's own database {name}" in str(raised.value)
    _, _, statement = str(raised.value).rpartition("run there: ")
    admin.execute(statement)
    require_dagster_database(settings)


def test_tables_that_are_there_already_need_no_right_to_create(made):
    settings, admin, _ = made
    admin.execute("CREATE TABLE runs (id bigint)")
    require_dagster_database(settings)


def test_a_database_that_is_not_there_is_named_without_a_password(server, settings):
    dsn = make_conninfo(server.conninfo("nowhere"), password="secret")
    missing = SchedulerSettings(persistence="postgres", dsn=settings.conninfo(), dagster_dsn=dsn)
    with pytest.raises(ServerUnavailable) as raised:
        require_dagster_database(missing)
    assert "CREATE DATABASE nowhere OWNER scheduler" in str(raised.value)
    assert "secret" not in str(raised.value)
