"""`scheduler up` as a process on an embedded server of its own: what it says, what it serves, what it leaves."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
import pytest

from resources.database import Database
from resources.settings import SchedulerSettings
from resources.states import JobKind, RunState, WorkState
from scheduler_defs.cli.stack import LEFT_SERVER
from scheduler_defs.edits.runs import request_run
from scheduler_defs.edits.tenants import create_tenant
from scheduler_defs.inputs.sboms import Placement, ingest_sbom

pytestmark = pytest.mark.stack

# A shell that started pytest in the background has SIGINT ignored, also for its children.
WITH_SIGINT = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from scheduler_defs.cli.main import main; main()"
)
WITHOUT_SIGINT = WITH_SIGINT.replace("default_int_handler", "SIG_IGN")
STOPPED_WITHIN_SECONDS = 20
"""Far below the 30 s that fire_due waits for a trigger."""


@contextmanager
def running(own_directory, script: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, once it has said that it is ready, and the address it said."""
    with subprocess.Popen(
        [sys.executable, "-c", script, "up", "--port", "0", "--no-first-tenant"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=own_directory.environment,
    ) as process:
        try:
            said = []
            for line in process.stdout:
                said.append(line)
                if line.startswith("Dagster UI"):
                    break
            assert said[-1].startswith("Dagster UI  http://127.0.0.1:"), "".join(said)
            yield process, said[-1].split()[-1]
        finally:
            process.kill()


def get(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def in_long_poll(own_directory) -> bool:
    """Whether fire_due waits inside a tick: until then Ctrl-C would be quick in any case."""
    log = own_directory.path / "dagster/dagster.log"
    return "Checking for new runs for sensor: fire_due" in log.read_text()


def stop(process: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> list[str]:
    """Tells the stack to stop; returns the lines it still said."""
    process.send_signal(number)
    assert process.wait(STOPPED_WITHIN_SECONDS) == 0
    return process.stdout.read().splitlines()


def test_in_the_background_it_goes_on_beside_a_server_that_ran_before_and_refuses_a_second_stack(
    own_directory,
):
    """In the background of a script, where SIGINT is ignored, SIGTERM stops it."""
    server = SchedulerSettings(data_directory=own_directory.path).embedded_server()
    server.start()
    with running(own_directory, WITHOUT_SIGINT) as (process, _):
        second = subprocess.run(
            [sys.executable, "-m", "scheduler_defs.cli.main", "demo"],
            capture_output=True,
            text=True,
            env=own_directory.environment,
            timeout=60,
            check=False,
        )
        rest = stop(process, signal.SIGTERM)
    assert (second.returncode, second.stdout) == (2, "")
    assert f"data directory: '{own_directory.path}' is not valid" in second.stderr
    assert next(line.strip() for line in rest if line) == (
        "Ctrl-C stops all but PostgreSQL, which ran before; the data stays"
    )
    assert rest[-2:] == [LEFT_SERVER, "stopped; the data stays"]
    assert server.status().running
    assert server.stop()
    assert own_directory.processes() == []


def test_a_second_ctrl_c_leaves_no_process_either(own_directory):
    with running(own_directory, WITH_SIGINT) as (process, _):
        own_directory.until(lambda: in_long_poll(own_directory), "fire_due is evaluated")
        process.send_signal(signal.SIGINT)
        log = own_directory.path / "dagster/dagster.log"
        own_directory.until(lambda: "Shutting down" in log.read_text(), "Dagster is told to stop")
        process.send_signal(signal.SIGINT)
        process.wait(STOPPED_WITHIN_SECONDS)
    assert own_directory.processes() == []


def test_what_a_killed_stack_was_starting_goes_on_in_the_next_which_hands_back_what_it_carries(
    own_directory, tmp_path
):
    settings = SchedulerSettings(data_directory=own_directory.path)
    with running(own_directory, WITH_SIGINT), Database(settings) as database:
        with database.begin_system() as store:
            create_tenant(store, "acme", "tests")
            run_id = request_run(store, "acme", JobKind.GRAPH, "tests")
        started = in_dagster(own_directory, settings)
        own_directory.kill()
    with running(own_directory, WITH_SIGINT) as (process, url), Database(settings) as database:
        assert set(get(f"{url}/server_info")) >= {"dagster_version", "dagster_webserver_version"}

        def ended():
            with database.begin("acme") as store:
                run = store.runs.get("acme", run_id)
            return run if run.finished_at else None

        own_directory.until(
            ended, "what was starting is done long before Dagster gives it up after 180 s", 120
        )
        assert ended().state is RunState.COMPLETED
        assert ended().dagster_run_id not in started
        carried_id = carried(own_directory, database, tmp_path)
        assert own_directory.processes() != []
        rest = stop(process)
    assert rest[-1] == "stopped; the data stays"
    assert "does not stop by itself" not in "".join(rest)
    assert LEFT_SERVER not in rest
    assert own_directory.processes() == []
    assert (own_directory.path / "data/PG_VERSION").exists()
    with Database(settings) as database, database.begin("acme") as store:
        run = store.runs.get("acme", carried_id)
        assert run.state in (RunState.PENDING, RunState.QUEUED)
        assert (run.attempt, run.failures) == (2, 0)
        assert store.graph_jobs.count_by_status(run)[WorkState.RUNNING] == 0


def in_dagster(own_directory, settings: SchedulerSettings) -> list[str]:
    """Waits until Dagster starts a graph run: its own hourly schedules may start others at this moment too."""
    found: list[str] = []
    starting = (
        "SELECT run_id FROM runs WHERE pipeline_name = 'graph_job' AND status IN ('STARTING', 'STARTED')"
    )
    with psycopg.connect(settings.dagster_conninfo(), autocommit=True) as dagster:

        def read() -> list[str]:
            found.extend(run_id for (run_id,) in dagster.execute(starting))
            return found

        own_directory.until(read, "Dagster starts the run")
    return found


def carried(own_directory, database: Database, directory) -> UUID:
    """A run over 150 images, of which some are done."""
    sbom = directory / "bom.json"
    component = {"type": "library", "name": "flask", "version": "1.0"}
    content = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": [component]}
    sbom.write_text(json.dumps(content))
    for number in range(150):
        ingest_sbom(database, "acme", sbom, Placement("web", f"registry.test/shop/{number}:1"), "tests")
    with database.begin_system() as store:
        run_id = request_run(store, "acme", JobKind.GRAPH, "tests")

    def some_are_done():
        with database.begin("acme") as store:
            return store.graph_jobs.list("acme", status=WorkState.COMPLETED).items

    own_directory.until(some_are_done, "the run gets on")
    return run_id


def test_a_port_in_use_is_one_line_and_starts_nothing(own_directory):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "scheduler_defs.cli.main", "up", "--port", str(port)],
            capture_output=True,
            text=True,
            env=own_directory.environment,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"Error: port: {port} is not valid; expected a free port (Address already in use);"
        " choose another with --port\n"
    )
    assert list(own_directory.path.iterdir()) == []
