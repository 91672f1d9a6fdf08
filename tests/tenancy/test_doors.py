"""Who opens the doors to the rooms, and that the owner's statements are nobody else's."""

import ast
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from resources.queries import QUERIES, load
from tests.tenancy.parameters import query_names

REPO = Path(__file__).resolve().parents[2]
DOORS = {
    # A verification enters the tenants' room without a tenant, to see that this fails.
    "session/begin_tenant": {"resources/database.py", "resources/scratch.py"},
    # An advisory lock lives in a session of its own, which no pool may hand on.
    "session/begin_system": {"resources/database.py", "resources/lock_session.py"},
    # For the session, not for the transaction: on a connection that is closed after it.
    "session/become_owner": {"resources/log_partitions.py"},
}
DETACH, FINALIZE, DROP = (
    f"execution_logs/{verb}" for verb in ("detach_partition", "finalize_detach", "drop_partition")
)
PARTITION = "execution_logs_209901"


@pytest.mark.parametrize("door", DOORS)
def test_a_door_is_in_the_hands_of_these_files_only(door):
    named = {
        path.relative_to(REPO).as_posix()
        for room in ("resources", "scheduler_defs")
        for path in (REPO / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and node.value == door
    }
    assert named == DOORS[door]


def test_every_query_file_that_may_change_the_role_is_a_door():
    changing = {
        f"{path.parent.name}/{path.stem}"
        for path in QUERIES.glob("*/*.sql")
        if "'role'" in (text := path.read_text("utf-8")) or "'scheduler.tenant'" in text
    }
    assert changing == set(DOORS)


@pytest.fixture
def partitioned(module_database):
    """A superuser's connection outside transactions, to a database with an empty log partition of 2099."""
    with psycopg.connect(module_database, autocommit=True) as connection:
        connection.execute("SELECT scheduler.ensure_log_partitions('2099-01-01', '2099-01-02')")
        yield connection


def run_as(connection, role, name):
    statement = sql.SQL(load(name)).format(partition=sql.Identifier(PARTITION))
    connection.execute(
        "SELECT set_config('role', %s, false), set_config('scheduler.tenant', 'acme', false)", [role]
    )
    try:
        connection.execute(statement)
    finally:
        connection.execute("RESET ROLE")


def test_the_statements_that_are_not_run_as_a_tenant_are_these():
    every = {f"{path.parent.name}/{path.stem}" for path in QUERIES.glob("*/*.sql")}
    assert every - set(query_names()) == {DETACH, FINALIZE, DROP}


@pytest.mark.parametrize("name", [DETACH, FINALIZE, DROP])
@pytest.mark.parametrize("role", ["scheduler_tenant", "scheduler_system"])
def test_only_the_owner_detaches_and_drops_log_partitions(partitioned, role, name):
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="must be owner"):
        run_as(partitioned, role, name)


def test_the_owner_does_detach_and_drop_them(partitioned):
    with pytest.raises(
        psycopg.errors.ObjectNotInPrerequisiteState
    ):  # past the rights, but nothing was interrupted
        run_as(partitioned, "scheduler_owner", FINALIZE)
    run_as(partitioned, "scheduler_owner", DETACH)
    run_as(partitioned, "scheduler_owner", DROP)
    assert partitioned.execute("SELECT to_regclass(%s)", [f"scheduler.{PARTITION}"]).fetchone() == (None,)
