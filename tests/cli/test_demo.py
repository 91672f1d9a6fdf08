"""`scheduler demo` as a process on an embedded server of its own; twice in the nightly profile."""

import os
import re
import subprocess
import sys

import pytest

from resources.database import Database
from resources.migrations import upgrade
from resources.settings import SchedulerSettings, ensure_server
from scheduler_defs.cli.first_tenant import SCHEDULES, TENANT, ensure_schedules
from scheduler_defs.cli.stack import LEFT_SERVER
from scheduler_defs.edits.schedules import delete_schedule, pause_schedule
from scheduler_defs.edits.tenants import create_tenant

pytestmark = pytest.mark.stack

TIMEOUT_SECONDS = 400
"""More than the demo itself waits for a start, the runs and an end."""
TIMES = 2 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 1
NOT_ZERO = {
    "graph": ("nodes", "edges"),
    "impact": ("affected images", "advisories"),
    "policy": ("findings",),
}


def demonstrate(own_directory) -> dict[str, str]:
    """Runs the demo; returns its table's lines by kind."""
    done = subprocess.run(
        [sys.executable, "-m", "scheduler_defs.cli.main", "demo"],
        capture_output=True,
        text=True,
        env=own_directory.environment,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    head, *lines = done.stdout.splitlines()
    assert head.split()[:4] == ["run", "kind", "schedule", "trigger"]
    return {line.split()[1]: line for line in lines}


def test_it_shows_a_scheduled_run_of_each_kind_and_leaves_no_process(own_directory):
    seen = set()
    for _ in range(TIMES):
        lines = demonstrate(own_directory)
        assert lines.keys() == NOT_ZERO.keys()
        for kind, counts in NOT_ZERO.items():
            assert re.search(rf"{kind} every minute +(once|cron|interval) ", lines[kind])
            assert "  completed  " in lines[kind]
            for count in counts:
                assert int(re.search(rf"{count} (\d+)", lines[kind])[1]) > 0, lines[kind]
            run = lines[kind].split()[0]
            assert run not in seen
            seen.add(run)
        assert own_directory.processes() == []


def test_schedules_that_cannot_fire_are_told_at_once(own_directory):
    settings = SchedulerSettings(data_directory=own_directory.path)
    ensure_server(settings)
    upgrade(settings)
    with Database(settings) as database:
        with database.begin_system() as store:
            create_tenant(store, TENANT, "tests")
        ensure_schedules(database)
        with database.begin(TENANT) as store:
            pause_schedule(store, TENANT, SCHEDULES[0], "", "eve")
            delete_schedule(store, TENANT, SCHEDULES[1], "eve")
    done = subprocess.run(
        [sys.executable, "-m", "scheduler_defs.cli.main", "demo"],
        capture_output=True,
        text=True,
        env=own_directory.environment,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert 'scheduler schedule resume "graph every minute" --tenant demo' in done.stderr
    assert 'scheduler schedule restore "impact every minute" --tenant demo' in done.stderr
    assert LEFT_SERVER in done.stderr.splitlines()
    assert settings.embedded_server().stop()
