"""The postgres switch: a server of one's own, over TCP, with a password, and a login that is no superuser."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import sql

from resources.catalog import render
from resources.dagster_database import require_dagster_database
from resources.database import Database
from resources.embedded_directories import make_private, server_user
from resources.embedded_process import find_binaries, run_program
from resources.errors import ServerUnavailable
from resources.migrations import upgrade
from resources.settings import SchedulerSettings
from scheduler_defs.cli.main import main

CHECKOUT = Path(__file__).resolve().parents[2]
DEBIAN = {f"debian-{path.parent.name}": path for path in Path("/usr/lib/postgresql").glob("1[5-9]/bin")}
PASSWORD = "p@ss/w:rd %41"
UPGRADE = """
import sys
from resources.migrations import upgrade
from resources.settings import SchedulerSettings
print("ready", flush=True)
sys.stdin.readline()
assert upgrade(SchedulerSettings.load()).up_to_date
"""


@dataclass(frozen=True)
class Cluster:
    port: int

    def url(self, user: str, database: str) -> str:
        return f"postgresql://{user}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/{database}"

    def admin(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(self.url("root", database), autocommit=True)

    def create_login(self, name: str, attributes: str) -> None:
        with self.admin() as connection:
            create = sql.SQL(f"CREATE ROLE {name} LOGIN {attributes} PASSWORD {{}}")
            connection.execute(create.format(sql.Literal(PASSWORD)))

    def create_database(self, name: str, owner: str) -> None:
        with self.admin() as connection:
            connection.execute(f"CREATE DATABASE {name} OWNER {owner}")

    def empty(self) -> None:
        """Takes back all that a test made: databases, logins, roles."""
        with self.admin() as connection:
            for (name,) in connection.execute(
                "SELECT datname FROM pg_database WHERE oid >= 16384"
            ).fetchall():
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            roles = connection.execute("SELECT rolname FROM pg_roles WHERE oid >= 16384").fetchall()
            for statement in ("DROP OWNED BY {}", "DROP ROLE {}"):
                for (name,) in roles:
                    connection.execute(sql.SQL(statement).format(sql.Identifier(name)))


@pytest.fixture
def cluster(a_cluster: Cluster) -> Iterator[Cluster]:
    yield a_cluster
    a_cluster.empty()


@pytest.fixture(scope="module", params=["embedded", *sorted(DEBIAN)])
def a_cluster(request) -> Iterator[Cluster]:
    """A cluster of the embedded binaries, and of each PostgreSQL that Debian has installed."""
    base = Path(tempfile.mkdtemp(dir="/var/tmp", prefix="scheduler-tests-")).resolve()
    base.chmod(0o755)
    user, log, data = server_user(base / "data"), base / "log", base / "data"
    binaries = DEBIAN.get(request.param) or find_binaries(base, user)
    make_private(data, user)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.NamedTemporaryFile("w", dir=base) as password:
        password.write(PASSWORD)
        password.flush()
        Path(password.name).chmod(0o644)
        options = ("--username=root", "--auth=scram-sha-256", f"--pwfile={password.name}", "--no-sync")
        locale = ("--encoding=UTF8", "--locale=C")
        run_program(binaries / "initdb", *options, *locale, f"--pgdata={data}", user=user, log=log)
    where = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= -c fsync=off"
    control = ("--pgdata", str(data), "--wait", "--silent")
    run_program(binaries / "pg_ctl", "start", *control, f"--options={where}", user=user, log=log)
    try:
        yield Cluster(port)
    finally:
        run_program(binaries / "pg_ctl", "stop", *control, "--mode=immediate", user=user, log=log)
        shutil.rmtree(base)


def test_processes_may_upgrade_at_once_and_every_version_gives_the_same_schema(cluster, settings):
    cluster.create_login("deployer", "NOSUPERUSER CREATEROLE")
    cluster.create_database("app", "deployer")
    url = cluster.url("deployer", "app")
    environment = os.environ | {"SCHEDULER_PERSISTENCE": "postgres", "SCHEDULER_DSN": url}
    upgrading = [
        subprocess.Popen(
            [sys.executable, "-c", UPGRADE],
            cwd=CHECKOUT,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    assert [process.stdout.readline() for process in upgrading] == ["ready\n"] * 3
    for process in upgrading:
        process.stdin.write("go\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=60)[1] for process in upgrading]
    assert [process.returncode for process in upgrading] == [0, 0, 0], errors

    external = SchedulerSettings(persistence="postgres", dsn=url)
    assert render(external) == render(settings)
    with Database(external) as database:
        with database.begin_system() as store:
            store.tenants.create("acme", "Acme", "ann", store.now())
            store.tenants.create("globex", "Globex", "ann", store.now())
        with database.begin("acme") as store:
            assert [tenant.tenant_id for tenant in store.tenants.list()] == ["acme"]


def test_a_login_without_rights_is_told_all_it_needs_and_a_wrong_password_is_not_shown(cluster):
    cluster.create_login('"plain login"', "NOSUPERUSER NOINHERIT")
    cluster.create_database("app", "root")
    settings = SchedulerSettings(persistence="postgres", dsn=cluster.url(quote("plain login"), "app"))
    with pytest.raises(
        ServerUnavailable, match="user plain login may not prepare or use database app"
    ) as refused:
        upgrade(settings)
    message = str(refused.value)
    assert PASSWORD not in message
    statements = re.findall(r"CREATE (?:ROLE|SCHEMA) [\w ]+|GRANT [\w, ]+ TO \"plain login\"", message)
    assert len(statements) == 6
    with cluster.admin("app") as connection:
        for statement in statements:
            connection.execute(statement)
    assert upgrade(settings).up_to_date

    wrong = SchedulerSettings(persistence="postgres", dsn=cluster.url("root", "app").replace("rd", "xx"))
    with pytest.raises(
        ServerUnavailable, match=r"port=\d+ .*user=root.*password authentication failed"
    ) as refused:
        upgrade(wrong)
    assert "xx" not in str(refused.value)


def scheduler(cluster, user, *arguments, **environment):
    """The command `scheduler` with SCHEDULER_DSN of a user; no password may ever be in what it prints."""
    dsn = cluster.url(quote(user), "app")
    settings = {"SCHEDULER_PERSISTENCE": "postgres", "SCHEDULER_DSN": dsn} | environment
    result = CliRunner().invoke(main, arguments, env=settings, catch_exceptions=False)
    assert PASSWORD not in result.output
    assert quote(PASSWORD, safe="") not in result.output
    return result


def missing_sql(result):
    """What a command says an administrator must run, by database."""
    by_database, database = {}, None
    for line in result.stdout.splitlines():
        if line.startswith("-- what is missing"):
            database = line.rpartition(" ")[2].rstrip(":")
        elif database and line:
            by_database.setdefault(database, []).append(line)
    return by_database


def run_by_hand(cluster, statements):
    for database, remedies in statements.items():
        with cluster.admin(database) as connection:
            for remedy in remedies:
                connection.execute(remedy)


def test_grant_prepares_a_server_for_logins_that_may_create_no_roles(cluster):
    for name in ("app", "dagster"):
        cluster.create_database(name, "root")
    with cluster.admin() as connection:
        connection.execute("REVOKE CONNECT ON DATABASE app, dagster FROM PUBLIC")
    for login in ("by psql", "by grant"):
        cluster.create_login(f'"{login}"', "NOSUPERUSER INHERIT")
    as_root = {"SCHEDULER_ADMIN_DSN": cluster.url("root", "app")}

    before = scheduler(cluster, "by psql", "db", "grant", "--check", **as_root)
    statements = missing_sql(before)
    assert before.exit_code == 1
    inherits = {'ALTER ROLE "by psql" NOINHERIT;'} & {*statements["app"]}
    assert len(statements["app"]) - len(inherits) == 10, (
        "three roles, three memberships, two databases, two schemas"
    )
    assert statements["dagster"] == ['GRANT CREATE ON SCHEMA public TO "by psql";']
    with cluster.admin("app") as connection:
        roles = connection.execute("SELECT FROM pg_roles WHERE rolname LIKE 'scheduler%'")
        assert roles.rowcount == 0, "a check changes nothing"
    run_by_hand(cluster, statements)

    granted = scheduler(cluster, "by grant", "db", "grant", **as_root)
    assert (granted.exit_code, missing_sql(granted), granted.stderr) == (0, {}, "")
    for login in ("by psql", "by grant"):
        for arguments in (("--check",), ()):
            again = scheduler(cluster, login, "db", "grant", *arguments)
            assert (again.exit_code, missing_sql(again), again.stderr) == (0, {}, "")
        assert scheduler(cluster, login, "db", "upgrade").exit_code == 0
        status = scheduler(cluster, login, "db", "status")
        assert (status.exit_code, status.stderr) == (0, "")
        dsn = cluster.url(quote(login), "app")
        require_dagster_database(SchedulerSettings(persistence="postgres", dsn=dsn))
        with psycopg.connect(dsn) as connection:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("SELECT FROM scheduler.runs")


def test_a_dagster_database_that_lets_nobody_in_hides_nothing_else_that_is_missing(cluster):
    cluster.create_login("plain", "NOSUPERUSER NOINHERIT")
    for name in ("app", "dagster"):
        cluster.create_database(name, "root")
    with cluster.admin() as connection:
        connection.execute("REVOKE CONNECT ON DATABASE dagster FROM PUBLIC")
    told = scheduler(cluster, "plain", "db", "grant", "--check")
    assert (told.exit_code, missing_sql(told).keys()) == (1, {"app"})
    assert "GRANT CONNECT ON DATABASE dagster TO plain;" in missing_sql(told)["app"]
    run_by_hand(cluster, missing_sql(told))
    then = scheduler(cluster, "plain", "db", "grant", "--check")
    assert missing_sql(then) == {"dagster": ["GRANT CREATE ON SCHEMA public TO plain;"]}
    with cluster.admin() as connection:
        connection.execute("ALTER DATABASE dagster CONNECTION LIMIT 0")
    full = scheduler(cluster, "plain", "db", "grant", "--check")
    assert full.exit_code == 2
    assert 'too many connections for database "dagster"' in full.stderr


def test_an_administrator_without_superuser_prepares_the_database_it_owns(cluster):
    cluster.create_login("manager", "NOSUPERUSER CREATEROLE")
    cluster.create_login("app", "NOSUPERUSER NOINHERIT")
    cluster.create_database("app", "manager")
    as_manager = {"SCHEDULER_ADMIN_DSN": cluster.url("manager", "app")}
    for _ in range(2):
        granted = scheduler(cluster, "app", "db", "grant", "--dagster-database", "", **as_manager)
        assert (granted.exit_code, missing_sql(granted), granted.stderr) == (0, {}, "")
    assert scheduler(cluster, "app", "db", "upgrade").exit_code == 0


def test_grant_by_the_login_itself_names_the_rest_and_what_passes_by_row_security(cluster):
    cluster.create_login("plain", "NOSUPERUSER NOINHERIT")
    cluster.create_login("strong", "BYPASSRLS NOINHERIT CREATEROLE")
    cluster.create_database("app", "strong")
    refused = scheduler(cluster, "plain", "db", "grant")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("refused: CREATE ROLE scheduler_owner ")
    assert "CREATE DATABASE dagster OWNER plain;" in missing_sql(refused)["app"]
    unknown = scheduler(cluster, "plain", "db", "grant", "--check", "--login", "nobody; --")
    assert missing_sql(unknown)["app"][0].startswith('CREATE ROLE "nobody; --" LOGIN NOSUPERUSER NOINHERIT ')

    alone = scheduler(cluster, "strong", "db", "grant", "--json")
    assert [one["remedy"] for one in json.loads(alone.stdout) if not one["met"]] == [
        "ALTER ROLE strong NOSUPERUSER NOBYPASSRLS",
        "CREATE DATABASE dagster OWNER strong",
    ], "what takes rights from a login, and databases, are left to a person"
    assert (alone.exit_code, alone.stderr) == (1, "")
    assert scheduler(cluster, "strong", "db", "upgrade").exit_code == 0
    for login, attribute in (("strong", "BYPASSRLS"), ("root", "SUPERUSER and BYPASSRLS")):
        status = scheduler(cluster, login, "db", "status")
        assert status.exit_code == 0
        assert status.stderr.startswith(f"warning: login {login} is {attribute}. ")
        # What the warning says: in a transaction of the product the policies hold, outside of one they do not.
        assert scheduler(cluster, login, "tenant", "create", f"of-{login}").exit_code == 0
        with Database(SchedulerSettings(persistence="postgres", dsn=cluster.url(login, "app"))) as database:
            with database.begin("of-strong") as store:
                assert [tenant.tenant_id for tenant in store.tenants.list()] == ["of-strong"]
    with cluster.admin("app") as outside:
        assert outside.execute("SELECT FROM scheduler.tenants").rowcount == 2


def test_grant_refuses_an_administrators_database_that_is_not_the_products(cluster):
    cluster.create_login("app", "NOSUPERUSER NOINHERIT")
    cluster.create_database("app", "root")
    cluster.create_database("other", "root")
    for arguments in ((), ("--check",), ("--login", "app")):
        elsewhere = {"SCHEDULER_ADMIN_DSN": cluster.url("root", "other")}
        refused = scheduler(cluster, "app", "db", "grant", *arguments, **elsewhere)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert f"dsn: 'host=127.0.0.1 port={cluster.port} dbname=other' is not valid" in refused.stderr
        assert "expected the database of SCHEDULER_DSN" in refused.stderr
    for database in ("app", "other"):
        with cluster.admin(database) as connection:
            assert connection.execute("SELECT FROM pg_roles WHERE rolname LIKE 'scheduler%'").rowcount == 0
            assert connection.execute("SELECT FROM pg_namespace WHERE nspname = 'scheduler'").rowcount == 0
    spelt_otherwise = {"SCHEDULER_ADMIN_DSN": cluster.url("root", "app").replace("127.0.0.1", "localhost")}
    assert scheduler(cluster, "app", "db", "grant", "--check", **spelt_otherwise).exit_code == 1
    nobody = scheduler(cluster, "nobody", "db", "grant", SCHEDULER_ADMIN_DSN=cluster.url("root", "other"))
    assert nobody.exit_code == 2, "a login that cannot connect yet is compared by what its DSN says"


def test_grant_looks_at_the_database_that_dagster_uses(cluster):
    cluster.create_login("app", "NOSUPERUSER NOINHERIT")
    cluster.create_database("app", "root")
    dagster = {"SCHEDULER_DAGSTER_DSN": cluster.url("app", "state")}
    missing = missing_sql(scheduler(cluster, "app", "db", "grant", "--check", **dagster))
    assert "CREATE DATABASE state OWNER app;" in missing["app"]
    cluster.create_database("state", "root")
    missing = missing_sql(scheduler(cluster, "app", "db", "grant", "--check", **dagster))
    assert missing["state"] == ["GRANT CREATE ON SCHEMA public TO app;"]
    away = {"SCHEDULER_DAGSTER_DSN": "postgresql://app@dagster.example/state"}
    elsewhere = scheduler(cluster, "app", "db", "grant", "--check", **away)
    assert "state" not in elsewhere.stdout
    assert "leads to another server (host=dagster.example dbname=state): not looked at" in elsewhere.stderr


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("postgresql://a:s3cr@et@d/app", r"dsn: '\*\*\*' is not valid"),
        ("postgresql://a:s3cret@127.0.0.1:1/app", "PostgreSQL cannot be reached: .*port 1"),
    ],
)
def test_grant_says_what_is_wrong_with_the_administrators_dsn(dsn, expected):
    result = CliRunner().invoke(main, ["db", "grant", "--login", "x", "--dsn", dsn])
    assert result.exit_code == 2
    assert re.search(expected, result.stderr)
    assert "s3cr" not in result.output


def test_grant_asks_for_the_login_when_nothing_tells_it():
    result = CliRunner().invoke(main, ["db", "grant", "--dsn", "host=127.0.0.1 port=1"])
    assert result.exit_code == 2
    assert "--login scheduler_app" in result.stderr
