"""Several claimers at once: operating-system processes, one of them killed in the middle of a transaction."""

import json
import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from scheduler_defs.edits.tenants import create_tenant
from scheduler_defs.sensors.claim import claim

TENANTS, TRIGGERS, HOURS = 40, 20, 6
START = datetime(2026, 3, 14, 6, tzinfo=UTC)
NOW = START + timedelta(hours=HOURS)
OCCURRENCES = TENANTS * TRIGGERS * (HOURS + 1)

CLAIMER = """
import json, sys
from datetime import datetime
from resources.database import Database
from scheduler_defs.sensors import claim as claims

owner, now, claims.TENANTS_A_TICK = sys.argv[1], datetime.fromisoformat(sys.argv[2]), 3
DUE = "SELECT FROM scheduler.triggers WHERE next_fire_at <= %s"
PENDING = "SELECT FROM scheduler.runs WHERE state = 'pending'"
with Database() as database:
    with database.begin_system():
        print("ready", flush=True)
    sys.stdin.readline()
    ticks, due = [], True
    while due:
        with database.begin_system() as store:
            ticks.append([(str(one.id), [str(run) for run in one.runs]) for one in claims.claim(store, owner, now)])
        with database.begin_system() as store:
            due = store.connection.execute(f"{DUE} UNION ALL {PENDING}", [now]).fetchall()
    print(json.dumps(ticks), flush=True)
"""

HOLDER = """
import sys
from datetime import datetime
from resources.database import Database
from scheduler_defs.sensors.claim import claim

with Database() as database, database.begin_system() as store:
    offers = claim(store, sys.argv[1], datetime.fromisoformat(sys.argv[2]))
    pid = store.connection.info.backend_pid
    print(pid, len(offers), flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def spawn(environment):
    """spawn(script, owner) starts a Python process; what still runs at the end of the test is killed."""
    started = []

    def spawn(script, owner):
        command = [sys.executable, "-c", script, owner, NOW.isoformat()]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, env=environment, **pipes))
        return started[-1]

    yield spawn
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def world(database, admin):
    """40 tenants with 20 triggers each, in four schedules; each is due 7 times, all of them caught up."""
    names = [f"t{number:02}" for number in range(TENANTS)]
    with database.begin_system() as store:
        for name in names:
            create_tenant(store, name, "tests")
    admin.execute(
        """
        WITH made AS (
            INSERT INTO scheduler.schedules (tenant_id, id, name, kind, overlap, catch_up, created_at, created_by,
                                             updated_at, updated_by)
            SELECT tenant, gen_random_uuid(), 's' || n, 'graph', 'allow', 'all', %(at)s, 'sql', %(at)s, 'sql'
            FROM unnest(%(tenants)s::text[]) AS tenant, generate_series(1, 4) AS n
            RETURNING tenant_id, id)
        INSERT INTO scheduler.triggers (tenant_id, id, schedule_id, kind, every, anchor, next_fire_at,
                                        created_at, updated_at)
        SELECT tenant_id, gen_random_uuid(), id, 'interval', '1 hour', %(at)s, %(at)s, %(at)s, %(at)s
        FROM made, generate_series(1, %(triggers)s / 4)
        """,
        {"at": START, "tenants": names, "triggers": TRIGGERS},
    )


def check_ledger(admin):
    """Every occurrence of every trigger has its one row, and each run is in one launch."""
    by_trigger = Counter()
    for trigger, scheduled_for in admin.execute("SELECT trigger_id, scheduled_for FROM scheduler.runs"):
        by_trigger[trigger, scheduled_for] += 1
    assert len(by_trigger) == OCCURRENCES
    assert set(by_trigger.values()) == {1}
    assert {at for _, at in by_trigger} == {START + timedelta(hours=hour) for hour in range(HOURS + 1)}
    ((queued, launches),) = admin.execute(
        "SELECT count(*) FILTER (WHERE state = 'queued'), count(DISTINCT launch_id) FROM scheduler.runs"
    )
    assert queued == OCCURRENCES
    assert admin.execute("SELECT count(*) FROM scheduler.launches").fetchone() == (launches,)
    left = "SELECT count(*) FROM scheduler.triggers WHERE next_fire_at IS DISTINCT FROM %s"
    assert admin.execute(left, [NOW + timedelta(hours=1)]).fetchone() == (0,)


def test_claimers_at_once_fire_every_occurrence_once_and_share_no_launch(world, spawn, admin):
    claimers = [spawn(CLAIMER, owner) for owner in ("one", "two", "three")]
    for process in claimers:
        assert process.stdout.readline() == "ready\n"
    for process in claimers:
        process.stdin.write("go\n")
        process.stdin.flush()
    ticks = [json.loads(process.communicate(timeout=60)[0]) for process in claimers]
    assert [process.returncode for process in claimers] == [0, 0, 0]
    offered = [(launch, tuple(runs)) for of_one in ticks for tick in of_one for launch, runs in tick]
    assert len({launch for launch, _ in offered}) == len(offered)
    in_launches = Counter(run for _, runs in offered for run in runs)
    assert len(in_launches) == OCCURRENCES
    assert set(in_launches.values()) == {1}
    assert sum(any(of_one) for of_one in ticks) >= 2
    check_ledger(admin)


@contextmanager
def killed(process):
    yield
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_what_a_killed_claimer_held_is_fired_by_another(world, spawn, admin, database):
    holder = spawn(HOLDER, "killed")
    backend, offers = map(int, holder.stdout.readline().split())
    assert offers > 0
    with killed(holder):
        with database.begin_system() as store:
            assert claim(store, "other", NOW) == []
        assert admin.execute("SELECT count(*) FROM scheduler.runs").fetchone() == (0,)
    while admin.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [backend]).fetchall():
        assert holder.returncode is not None
    launches, runs = set(), []
    while fresh := [offer for offer in _tick(database) if offer.id not in launches]:
        launches |= {offer.id for offer in fresh}
        runs += [run for offer in fresh for run in offer.runs]
    assert len(runs) == len(set(runs)) == OCCURRENCES
    assert admin.execute("SELECT DISTINCT owner FROM scheduler.launches").fetchall() == [("other",)]
    check_ledger(admin)


def _tick(database):
    with database.begin_system() as store:
        return claim(store, "other", NOW)
