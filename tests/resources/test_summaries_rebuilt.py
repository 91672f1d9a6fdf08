"""Summaries rebuilt from runs equal those rolled up run by run, and a computation in Python; pruned days are kept."""

import statistics
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import psycopg
import psycopg.types.json
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from resources.database import Database
from resources.errors import InvalidInput
from resources.ids import new_id
from resources.settings import SchedulerSettings
from resources.states import JobKind
from scheduler_defs.edits.tenants import create_tenant

MIDNIGHT = datetime(2026, 3, 14, tzinfo=UTC)
HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
COLUMNS = ["completed", "failed", "cancelled", "skipped"]
COLUMNS += [f"duration_{of}" for of in ("min", "avg", "max", "p95")] + [
    f"lateness_{of}" for of in ("avg", "max", "p95")
]

ENDED = st.fixed_dictionaries(
    {
        "schedule": st.integers(0, 2),
        "kind": st.sampled_from(list(JobKind)),
        "state": st.sampled_from(["completed", "failed", "cancelled", "skipped", "cancelled unstarted"]),
        "ended": st.integers(0, 3 * 86_400 - 1),
        "took": st.integers(0, 4000),
        "late": st.integers(-5, 4000),
        "count": st.integers(1, 5),
        "deltas": st.dictionaries(st.sampled_from(["new", "fixed"]), st.integers(-3, 9)),
    }
)


@pytest.fixture(scope="module")
def admin(module_database):
    with psycopg.connect(module_database, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def database(module_database):
    with Database(SchedulerSettings(persistence="postgres", dsn=module_database)) as database:
        with database.begin_system() as store:
            for tenant in ("acme", "globex"):
                create_tenant(store, tenant, "tests")
        yield database


@pytest.fixture(scope="module")
def schedules(database, planter):
    """Two schedules, and none."""
    plant = planter(database)
    return [plant.schedule("one").id, plant.schedule("two").id, None]


@pytest.fixture(autouse=True)
def empty(admin, database):
    clear(admin)


def clear(admin):
    for table in ("run_summaries", "runs", "launches", "workers"):
        admin.execute(f"DELETE FROM scheduler.{table}")
    admin.execute("UPDATE scheduler.tenants SET ledger_since = NULL")


def insert(admin, schedules, one):
    """Writes an ended run as the superuser; returns its group and when it ended."""
    schedule_id, ended = schedules[one["schedule"]], MIDNIGHT + one["ended"] * SECOND
    state, _, unstarted = one["state"].partition(" ")
    skipped, started = state == "skipped", None
    first = ended - (one["count"] - 1) * SECOND if skipped else None
    if not unstarted and not skipped:
        started = ended - one["took"] * SECOND
    carried = new_id() if started else None
    if carried:
        admin.execute(
            "INSERT INTO scheduler.launches (id, owner, kind, state, dagster_run_id, created_at,"
            " acknowledged_at, finished_at)"
            " VALUES (%s, 'sql', 'graph', 'finished', 'd', now(), now(), now())",
            [carried],
        )
        admin.execute(
            "INSERT INTO scheduler.workers VALUES (%s, 'h', 1, '{}', 1, '0', NULL, 'active', now(), now())",
            [carried],
        )
    row = {
        "id": new_id(),
        "schedule_id": schedule_id,
        "version": 1 if schedule_id else None,
        "kind": one["kind"],
        "mode": "full" if one["kind"] is JobKind.POLICY else None,
        "state": state,
        "planned": first or (started or ended) - one["late"] * SECOND,
        "carried": carried,
        "dagster": "d" if carried else None,
        "token": 1 if started else None,
        "count": one["count"] if skipped else None,
        "reason": "overlap" if skipped else None,
        "first": first,
        "last": ended if skipped else None,
        "deltas": psycopg.types.json.Jsonb({} if skipped or unstarted else one["deltas"]),
        "error": "boom" if state == "failed" else None,
        "started": started,
        "ended": ended,
    }
    admin.execute(
        """
        INSERT INTO scheduler.runs (tenant_id, id, schedule_id, schedule_version, trigger_kind, kind, mode, state,
            reason, scheduled_for, available_at, launch_id, worker_id, dagster_run_id, fencing_token, requested_by,
            skipped_count, skipped_first, skipped_last, deltas, error, created_at, started_at, finished_at)
        VALUES ('acme', %(id)s, %(schedule_id)s, %(version)s, 'manual', %(kind)s, %(mode)s, %(state)s, %(reason)s,
            %(planned)s, %(planned)s, %(carried)s, %(carried)s, %(dagster)s, %(token)s, 'sql', %(count)s,
            %(first)s, %(last)s, %(deltas)s, %(error)s, %(planned)s, %(started)s, %(ended)s)
        """,
        row,
    )
    return row


def stored(database):
    """Every summary by granularity, bucket, schedule and kind."""
    found = {}
    for granularity in ("hour", "day"):
        with database.begin("acme") as store:
            cursor = None
            while True:
                page = store.run_summaries.list("acme", granularity, cursor=cursor, limit=7)
                for one in page.items:
                    key = (granularity, one.bucket, one.schedule_id, one.kind)
                    assert key not in found
                    found[key] = {name: getattr(one, name) for name in (*COLUMNS, "deltas")}
                cursor = page.next_cursor
                if cursor is None:
                    break
    return found


def computed(rows):
    """The same in Python."""
    groups = defaultdict(list)
    for row in rows:
        hour = row["ended"].replace(minute=0, second=0)
        for key in (("hour", hour), ("day", hour.replace(hour=0))):
            groups[(*key, row["schedule_id"], row["kind"])].append(row)
    return {key: summary_of(group) for key, group in groups.items()}


def summary_of(rows):
    states = [row["state"] for row in rows]
    took = [
        (row["ended"] - row["started"]).total_seconds()
        for row in rows
        if row["state"] in ("completed", "failed")
    ]
    late = [(row["started"] - row["planned"]).total_seconds() for row in rows if row["started"]]
    deltas = defaultdict(int)
    for row in rows:
        for name, value in row["deltas"].obj.items():
            deltas[name] += value
    values = [*(states.count(state) for state in COLUMNS[:3]), sum(row["count"] or 0 for row in rows)]
    values += [min(took, default=None), mean(took), max(took, default=None), percentile_95(took)]
    values += [mean(late), max(late, default=None), percentile_95(late)]
    return dict(zip(COLUMNS, values, strict=True)) | {"deltas": dict(deltas)}


def mean(values):
    return statistics.fmean(values) if values else None


def percentile_95(values):
    """percentile_cont: linear between the closest ranks."""
    if len(values) < 2:
        return values[0] if values else None
    return statistics.quantiles(values, n=20, method="inclusive")[18]


def roll_up(database, row):
    with database.begin_system() as store:
        store.run_summaries.roll_up("acme", row["schedule_id"], JobKind(row["kind"]), row["ended"], MIDNIGHT)


def rebuild(database, days=3):
    with database.begin_system() as store:
        for number in range(days):
            day = MIDNIGHT + number * DAY
            for schedule_id, kind in store.run_summaries.list_groups("acme", day):
                store.run_summaries.rebuild_day("acme", schedule_id, kind, day + HOUR, MIDNIGHT)


@settings(
    phases=[Phase.explicit, Phase.generate],
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(ends=st.lists(ENDED, max_size=12))
def test_rebuilt_equals_rolled_up_equals_a_computation_in_python(database, admin, schedules, ends):
    clear(admin)
    rows = []
    for one in ends:
        rows.append(insert(admin, schedules, one))
        roll_up(database, rows[-1])
    incremental = stored(database)
    admin.execute("UPDATE scheduler.run_summaries SET completed = 99, deltas = '{}'")
    rebuild(database)
    rebuilt, expected = stored(database), computed(rows)
    assert rebuilt == incremental
    assert rebuilt.keys() == expected.keys()
    for key, summary in expected.items():
        assert rebuilt[key].pop("deltas") == summary.pop("deltas")
        assert rebuilt[key] == pytest.approx(summary, abs=1e-6), key
    admin.execute("DELETE FROM scheduler.run_summaries")
    rebuild(database)
    assert stored(database) == incremental


def one_run(ended=0, schedule=0, **changes):
    wanted = {"schedule": schedule, "kind": JobKind.GRAPH, "state": "completed", "ended": ended}
    return wanted | {"took": 5, "late": 1, "count": 1, "deltas": {}} | changes


def test_a_summary_of_nothing_is_removed(database, admin, schedules):
    row = insert(admin, schedules, one_run())
    roll_up(database, row)
    truth = stored(database)
    admin.execute(
        "INSERT INTO scheduler.run_summaries (tenant_id, schedule_id, kind, granularity, bucket, completed, failed,"
        " cancelled, skipped, updated_at) VALUES ('acme', NULL, 'impact', 'hour', %(at)s, 7, 0, 0, 0, now()),"
        " ('acme', %(schedule)s, 'graph', 'hour', %(at)s + interval '5 hours', 7, 0, 0, 0, now()),"
        " ('globex', NULL, 'impact', 'hour', %(at)s, 7, 0, 0, 0, now())",
        {"at": MIDNIGHT, "schedule": row["schedule_id"]},
    )
    rebuild(database, days=1)
    assert stored(database) == truth
    with database.begin("globex") as store:
        assert len(store.run_summaries.list("globex", "hour").items) == 1, "the other tenant's stays"


def test_a_pruned_day_is_neither_rebuilt_nor_rolled_up(database, admin, schedules):
    row = insert(admin, schedules, one_run())
    kept = insert(admin, schedules, one_run(ended=86_400))
    roll_up(database, row)
    roll_up(database, kept)
    truth = stored(database)
    with database.begin_system() as store:
        assert store.retention.prune_runs("acme", MIDNIGHT + DAY, 10).runs == 1
    insert(admin, schedules, one_run(ended=7200))
    with pytest.raises(InvalidInput, match="2026-03-15 or later; runs before it were pruned"):
        rebuild(database)
    roll_up(database, row)
    assert stored(database) == truth
    admin.execute("DELETE FROM scheduler.run_summaries WHERE bucket >= %s", [MIDNIGHT + DAY])
    with database.begin_system() as store:
        store.run_summaries.rebuild_day("acme", kept["schedule_id"], JobKind.GRAPH, MIDNIGHT + DAY, MIDNIGHT)
    assert stored(database) == truth


def test_a_tenant_rebuilds_nothing(database, schedules):
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.begin("acme") as store:
        store.run_summaries.rebuild_day("acme", schedules[0], JobKind.GRAPH, MIDNIGHT, MIDNIGHT)


def test_a_rebuild_waits_for_a_roll_up_of_its_schedule(database, schedules):
    with database.begin_system() as first:
        first.run_summaries.roll_up("acme", schedules[0], JobKind.GRAPH, MIDNIGHT, MIDNIGHT)
        with database.begin_system() as second:
            second.retention.limit_waiting(timedelta(milliseconds=30))
            with pytest.raises(psycopg.errors.LockNotAvailable), second.connection.transaction():
                second.run_summaries.rebuild_day("acme", schedules[0], JobKind.GRAPH, MIDNIGHT, MIDNIGHT)
            second.run_summaries.rebuild_day("acme", schedules[1], JobKind.GRAPH, MIDNIGHT, MIDNIGHT)


def test_summaries_are_paged_newest_first(database, admin, schedules):
    for schedule in range(3):
        for hour in range(3):
            roll_up(database, insert(admin, schedules, one_run(hour * 3600, schedule)))
    with database.begin("acme") as store:
        first = store.run_summaries.list("acme", "hour", limit=5)
        rest = store.run_summaries.list("acme", "hour", limit=5, cursor=first.next_cursor)
    buckets = [one.bucket for one in (*first.items, *rest.items)]
    assert rest.next_cursor is None
    assert buckets == sorted(buckets, reverse=True)
    assert len({(one.bucket, one.schedule_id) for one in (*first.items, *rest.items)}) == 9
