"""The command as a process: exit codes, one line of error, signals, pipes and terminals."""

import os
import pty
import signal
import subprocess
import sys

import pytest

from scheduler_defs.inputs.policies import apply_policy


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {
                "SCHEDULER_PERSISTENCE": "postgres",
                "SCHEDULER_DSN": "host=127.0.0.1 port=1 user=u password=hush dbname=d",
            },
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
    [("run", "list", "--tenant", "acme"), ("tenant", "list"), ("db", "status"), ("db", "upgrade")],
    ids=" ".join,
)
def test_a_server_that_is_not_there_is_one_line(command, arguments, variables, message):
    done = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, env={**os.environ, **variables}, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(message)
    assert "hush" not in done.stderr


def test_a_login_without_rights_is_one_line(refused, environment, server, admin, tenant):
    admin.execute("CREATE ROLE stranger LOGIN")
    try:
        environment["SCHEDULER_DSN"] = server.conninfo(admin.info.dbname, "stranger")
        error = refused("run", "list", "--tenant", tenant, code=1)
    finally:
        admin.execute("DROP ROLE stranger")
    assert error.startswith("Error: PostgreSQL refused a statement: permission denied to set role")


def test_an_installed_console_script_starts_the_command():
    script = os.path.join(os.path.dirname(sys.executable), "scheduler")
    done = subprocess.run([script, "run", "list"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("Error: Missing option '--tenant'")


def test_debug_shows_the_traceback(cli, environment, tenant):
    environment["SCHEDULER_DEBUG"] = "1"
    result = cli("run", "list", "--tenant", "nobody")
    assert result.exit_code == 2
    assert result.stderr.startswith("Traceback (most recent call last):")
    assert result.stderr.endswith("\nError: tenant 'nobody' does not exist\n")


def test_text_that_is_not_utf8_is_refused(command, environment, row_counts, tenant):
    before = row_counts()
    done = subprocess.run(
        [*command, "schedule", "create", "x", "--kind", "graph", "--every", "1m", "--description", b"\xff"]
        + ["--tenant", tenant],
        capture_output=True,
        env=environment,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr == b"Error: '\\udcff' is not valid; expected text in UTF-8\n"
    assert row_counts() == before


def test_a_reader_that_goes_away_is_no_error(command, environment, database, tenant):
    with database.begin(tenant) as store:
        long = "# " + "x" * 500_000 + "\nname: long\nrules: []\ndefault: warn\n"
        apply_policy(store, tenant, "long", long, "tests")
    with subprocess.Popen(
        [*command, "policy", "show", "long", "--tenant", tenant],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        process.stdout.read(10)
        process.stdout.close()
        stderr = process.stderr.read()
        assert process.wait(60) == 1
    assert stderr == b""


def test_output_that_cannot_be_written_is_one_line(command, environment, tenant):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*command, "tenant", "list"], stdout=full, stderr=subprocess.PIPE, env=environment, timeout=60
        )
    assert (done.returncode, done.stderr) == (1, b"Error: [Errno 28] No space left on device\n")


def test_ctrl_c_stops_waiting_and_leaves_the_run(command, environment, runs, tenant):
    with subprocess.Popen(
        [*command, "run", "start", "--kind", "graph", "--wait", "--tenant", tenant],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        run_id = process.stdout.readline().strip()
        assert process.stderr.readline() == "pending\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        stderr = process.stderr.read()
    assert stderr.split("\n")[-4:] == ["stopped waiting; the run goes on", "", "Error: interrupted", ""]
    assert [(str(run.id), run.state) for run in runs()] == [(run_id, "pending")]


def test_a_terminal_sees_progress_and_a_pipe_does_not(command, environment, tenant):
    arguments = [*command, "ingest", "sbom", "examples/shop.cdx.json", "--tenant", tenant]
    leader, follower = pty.openpty()
    done = subprocess.run(
        arguments, stdout=subprocess.PIPE, stderr=follower, env={**environment, "TERM": "xterm"}, timeout=60
    )
    os.close(follower)
    shown = os.read(leader, 1 << 16).decode()
    os.close(leader)
    assert done.returncode == 0
    assert done.stdout.count(b"\n") == 1
    assert "bytes" in shown
    assert "30/30" in shown

    done = subprocess.run(arguments, capture_output=True, env=environment, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")


def test_characters_the_terminal_lacks_are_escaped(command, environment, tenant):
    done = subprocess.run(
        [*command, "tenant", "create", "initech", "--name", "Über"],
        env=environment,
        timeout=60,
        capture_output=True,
    )
    assert done.returncode == 0
    done = subprocess.run(
        [*command, "tenant", "list"],
        env={**environment, "PYTHONIOENCODING": "ascii"},
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert "\\xdcber" in done.stdout
