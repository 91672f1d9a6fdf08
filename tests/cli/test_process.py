"""The command as a process: exit codes, one line of error, signals, pipes and terminals."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from psycopg.conninfo import make_conninfo

from scheduler_defs.cli.main import main
from scheduler_defs.inputs.policies import apply_policy

UNREACHABLE = "host=127.0.0.1 port=1 user=u password=hush dbname=d"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"SCHEDULER_PERSISTENCE": "postgres", "SCHEDULER_DSN": UNREACHABLE},
            "Error: PostgreSQL at host=127.0.0.1 port=1 dbname=d user=u (SCHEDULER_DSN) cannot be reached: ",
        ),
        (
            {"SCHEDULER_PERSISTENCE": "mysql"},
            "Error: SCHEDULER_PERSISTENCE: 'mysql' is not usable; expected embedded or postgres",
        ),
        (
            {"SCHEDULER_PERSISTENCE": "postgres"},
            "Error: SCHEDULER_DSN: None is not usable; expected a libpq connection string",
        ),
    ],
    ids=["unreachable", "unknown backend", "no DSN"],
)
@pytest.mark.parametrize(
    "arguments",
    [
        ("tenant", "list"),
        ("run", "list", "--tenant", "acme"),
        ("ingest", "advisories", "here"),
        ("db", "status"),
        ("db", "upgrade"),
    ],
    ids=" ".join,
)
def test_a_server_that_is_not_there_is_one_line(
    examples, tmp_path, monkeypatch, arguments, variables, message
):
    (tmp_path / "here").symlink_to(examples / "advisories.osv.jsonl")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, arguments, env=variables, catch_exceptions=False)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(message)
    assert "hush" not in done.stderr


def test_an_error_is_one_line_of_the_process_too(process, tmp_path):
    variables = {"SCHEDULER_PERSISTENCE": "postgres", "SCHEDULER_DSN": UNREACHABLE}
    done = process("db", "status", env={**os.environ, **variables}, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.startswith(b"Error: PostgreSQL at host=127.0.0.1 port=1 ")


def test_the_console_script_is_the_command():
    script = Path(sys.executable).with_name("scheduler")
    done = subprocess.run([script, "run", "list"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("Error: Missing option '--tenant'")


def test_debug_shows_the_traceback(cli, environment, tenant):
    environment["SCHEDULER_DEBUG"] = "1"
    result = cli("run", "list", "--tenant", "nobody")
    assert result.exit_code == 2
    assert result.stderr.startswith("Traceback (most recent call last):")
    assert result.stderr.endswith("\nError: tenant 'nobody' does not exist\n")


def test_text_that_is_not_utf8_is_refused(process, row_counts, tenant):
    before = row_counts()
    wanted = ("--kind", "graph", "--every", "1m", "--tenant", tenant)
    done = process("schedule", "create", "x", *wanted, "--description", b"\xff")
    assert (done.returncode, done.stderr) == (2, b"Error: '\\udcff' is not valid; expected text in UTF-8\n")
    assert row_counts() == before


def test_a_reader_that_goes_away_is_no_error(environment, database, tenant):
    with database.begin(tenant) as store:
        long = "# " + "x" * 500_000 + "\nname: long\nrules: []\ndefault: warn\n"
        apply_policy(store, tenant, "long", long, "tests")
    with subprocess.Popen(
        [sys.executable, "-m", "scheduler_defs.cli.main", "policy", "show", "long", "--tenant", tenant],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**environment, "PYTHONUNBUFFERED": ""},
    ) as process:
        process.stdout.read(10)
        process.stdout.close()
        stderr = process.stderr.read()
        assert process.wait(60) == 1
    assert stderr == b""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_cannot_be_written_is_one_line(process, environment, tenant, unbuffered):
    with open("/dev/full", "w") as full:
        done = process("tenant", "list", stdout=full, env={**environment, "PYTHONUNBUFFERED": unbuffered})
    assert (done.returncode, done.stderr) == (1, b"Error: [Errno 28] No space left on device\n")


def test_a_closed_stdout_is_no_error(environment, tenant):
    script = f'exec "{sys.executable}" -m scheduler_defs.cli.main "$@" >&-'
    for arguments in (["tenant", "list"], ["schedule", "list", "--tenant", tenant]):
        command = ["sh", "-c", script, "sh", *arguments]
        done = subprocess.run(command, stderr=subprocess.PIPE, env=environment, timeout=60, check=False)
        assert (done.returncode, done.stderr) in {(0, b""), (0, b"no schedules\n")}


def test_ctrl_c_stops_waiting_and_leaves_the_run(environment, runs, tenant):
    # A shell that started pytest in the background has SIGINT ignored, also for its children.
    script = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from scheduler_defs.cli.main import main; main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, "run", "start", "--kind", "graph", "--wait", "--tenant", tenant],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        run_id = process.stdout.readline().strip()
        assert process.stderr.readline() == "pending\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        stderr = process.stderr.read()
    assert stderr.split("\n")[-4:] == ["stopped waiting; the run goes on", "", "Error: interrupted", ""]
    assert [(str(run.id), run.state) for run in runs()] == [(run_id, "pending")]


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("ingest", "sbom", "shop.cdx.json", "--tenant", "acme"), ["bytes", "components", "30/30"]),
        (("ingest", "advisories", "advisories.osv.jsonl"), ["bytes", "advisories", "54/"]),
    ],
    ids=["sbom", "advisories"],
)
def test_a_terminal_sees_progress_and_a_pipe_does_not(
    process, environment, examples, tenant, arguments, shown
):
    group, kind, file, *rest = arguments
    leader, follower = pty.openpty()
    done = process(group, kind, examples / file, *rest, stderr=follower, env={**environment, "TERM": "xterm"})
    os.close(follower)
    seen = os.read(leader, 1 << 16).decode()
    os.close(leader)
    assert done.returncode == 0
    assert done.stdout.count(b"\n") == 1
    assert [part for part in shown if part not in seen] == []

    done = process(group, kind, examples / file, *rest)
    assert (done.returncode, done.stdout.count(b"\n"), done.stderr) == (0, 1, b"")


def test_characters_the_terminal_lacks_are_escaped(process, environment, tenant):
    assert process("tenant", "create", "initech", "--name", "Über").returncode == 0
    assert "Über" in process("tenant", "list").stdout.decode()
    done = process("tenant", "list", env={**environment, "PYTHONIOENCODING": "ascii"})
    assert b"\\xdcber" in done.stdout


def test_a_login_without_rights_is_one_line(refused, environment, server, admin, tenant):
    admin.execute("CREATE ROLE stranger LOGIN")
    try:
        environment["SCHEDULER_DSN"] = server.conninfo(admin.info.dbname, "stranger")
        error = refused("run", "list", "--tenant", tenant)
    finally:
        admin.execute("DROP ROLE stranger")
    assert error.startswith(
        "Error: the database has no role for this transaction (permission denied to set role"
    )


def test_a_statement_that_waits_too_long_is_one_line(refused, environment, settings, admin, tenant):
    environment["SCHEDULER_DSN"] = make_conninfo(settings.conninfo(), options="-c lock_timeout=20ms")
    with admin.transaction():
        admin.execute("LOCK TABLE scheduler.tenants")
        error = refused("tenant", "list")
    assert error == "Error: PostgreSQL: canceling statement due to lock timeout"
