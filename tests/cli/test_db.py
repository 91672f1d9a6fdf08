"""scheduler db."""

import json

import psycopg
import pytest


@pytest.fixture
def empty(environment, server, make_database):
    """The command's database is one that nobody has migrated; the login is a superuser."""
    environment["SCHEDULER_DSN"] = server.conninfo(make_database(), "postgres")


def test_a_migrated_database_is_current(cli):
    result = cli("db", "status")
    assert result.exit_code == 0
    fields = dict(line.rsplit("  ", 1) for line in result.stdout.splitlines())
    assert {name.strip(): value for name, value in fields.items()} | {"applied": "", "newest": ""} == {
        "up to date": "yes",
        "applied": "",
        "newest": "",
        "pending": "-",
        "edited": "-",
    }
    found = json.loads(cli("db", "status", "--json").stdout)
    assert found["up_to_date"] is True
    assert found["current"] == found["head"]


def test_an_empty_database_is_upgraded_only_when_asked(cli, empty):
    status = cli("db", "status", "--json")
    found = json.loads(status.stdout)
    assert (status.exit_code, found["current"], found["up_to_date"]) == (3, None, False)
    assert found["pending"][-1] == found["head"]
    for arguments in (("tenant", "list"), ("tenant", "create", "x"), ("run", "list", "--tenant", "x")):
        refusal = cli(*arguments)
        assert (refusal.exit_code, refusal.stdout) == (2, "")
        assert refusal.stderr.startswith("Error: the database has no ")
        assert refusal.stderr.endswith("run `scheduler db upgrade`\n")
        assert refusal.stderr.count("\n") == 1
    assert cli("db", "status").exit_code == 3

    assert cli("db", "upgrade").stdout == f"schema is at {found['head']}\n"
    assert cli("db", "status").exit_code == 0
    assert cli("tenant", "create", "x").exit_code == 0
    assert cli("db", "upgrade").exit_code == 0


def test_a_migration_edited_after_it_was_applied_is_refused(cli, admin):
    admin.execute(
        "UPDATE scheduler.applied_migrations SET sha256 = repeat('0', 64) WHERE revision LIKE '0002%'"
    )
    result = cli("db", "status", "--json")
    assert (result.exit_code, json.loads(result.stdout)["edited"]) == (3, ["0002_scheduler"])
    result = cli("db", "upgrade")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: applied migrations differ from their files: 0002_scheduler")


def test_a_migration_that_fails_is_one_line(cli, environment, empty):
    with psycopg.connect(environment["SCHEDULER_DSN"], autocommit=True) as connection:
        connection.execute("CREATE SCHEMA inventory; CREATE TABLE inventory.images ()")
        connection.execute("ALTER SCHEMA inventory OWNER TO scheduler_owner")
    result = cli("db", "upgrade")
    assert (result.exit_code, result.stdout) == (1, "")
    expected = (
        'Error: PostgreSQL refused a statement: relation "images" already exists; see `scheduler db status`\n'
    )
    assert result.stderr == expected
    assert cli("db", "status").exit_code == 3


def test_the_schema_is_documented(cli):
    result = cli("db", "document")
    assert result.exit_code == 0
    assert result.stdout.startswith("# ")
    assert result.stdout.endswith("\n")
    assert all(
        table in result.stdout for table in ("scheduler.runs", "inventory.findings", "one_row_an_occurrence")
    )
