"""The postgres switch: a server of one's own, over TCP, with a password, and a login that is no superuser."""

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
from psycopg import sql

from resources.catalog import render
from resources.database import Database
from resources.embedded_directories import make_private, server_user
from resources.embedded_process import find_binaries, run_program
from resources.errors import ServerUnavailable
from resources.migrations import upgrade
from resources.settings import SchedulerSettings

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


@pytest.fixture(params=["embedded", *sorted(DEBIAN)])
def cluster(request) -> Iterator[Cluster]:
    """A new cluster of the embedded binaries, and of each PostgreSQL that Debian has installed."""
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
