"""Log partitions past retention are detached and dropped; nobody who writes waits for it."""

import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from pydantic import SecretStr

from resources.errors import ServerUnavailable
from resources.log_partitions import LOCKS, Dropped, drop_expired
from resources.records import HeldLock, LogLine, LogPartition

JANUARY, MARCH = datetime(2021, 1, 15, tzinfo=UTC), datetime(2021, 3, 1, tzinfo=UTC)
OLD = ["execution_logs_202101", "execution_logs_202102"]
SHORT = timedelta(milliseconds=100)


@pytest.fixture(autouse=True)
def old_months(database, tenant):
    with database.begin_system() as store:
        assert store.execution_logs.ensure_partitions(JANUARY, MARCH) == 3


@pytest.fixture
def expired(database):
    def read(before=MARCH):
        with database.begin_system() as store:
            return store.retention.list_expired_partitions(before)

    return read


@pytest.fixture
def tables(admin):
    def read():
        pattern = "execution\\_logs\\_2021__"
        rows = admin.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE %s ORDER BY 1", [pattern]
        )
        return [name for (name,) in rows]

    return read


@contextmanager
def open_writer(settings, statement, parameters=()):
    """A transaction of somebody else that stays open."""
    with psycopg.connect(settings.conninfo()) as connection:
        connection.execute("SET ROLE scheduler_system")
        connection.execute(statement, parameters)
        yield connection


def say(run, at, line=1):
    return (
        "INSERT INTO scheduler.execution_logs (tenant_id, run_id, attempt, line, at, level, message)"
        " VALUES ('acme', %s, 1, %s, %s, 'info', 'said')",
        (run.id, line, at),
    )


def test_partitions_are_expired_when_their_month_is_over(expired):
    assert expired(MARCH - timedelta(microseconds=1)) == [LogPartition(OLD[0], True, False)]
    assert expired() == [LogPartition(name, True, False) for name in OLD]
    assert expired(JANUARY) == []


def test_what_is_expired_is_dropped_with_its_lines_and_the_rest_stays(settings, database, plant, tables):
    run = plant.run()
    with database.begin("acme") as store:
        store.execution_logs.append(
            run, [LogLine(1, n, at, "info", "said", {}) for n, at in enumerate((JANUARY, MARCH))]
        )
    dropped = drop_expired(settings, MARCH)
    assert (dropped.partitions, dropped.why_not) == (OLD, None)
    assert tables() == ["execution_logs_202103"]
    with database.begin("acme") as store:
        assert [line.at for line in store.execution_logs.tail("acme", run.id).items] == [MARCH]
    assert drop_expired(settings, MARCH).partitions == []


def test_an_open_writer_of_the_current_month_is_not_disturbed_and_the_next_call_ends_it(
    settings, database, plant, expired, tables
):
    run = plant.run()
    with database.begin_system() as store:
        now = store.now()
    with open_writer(settings, *say(run, now)) as writer:
        given_up = drop_expired(settings, MARCH, SHORT)
        assert given_up.partitions == []
        assert f"{OLD[0]} or its parent is in use" in given_up.why_not
        assert expired()[0] == LogPartition(OLD[0], True, True)
        writer.execute(*say(run, now, 2))
        with database.begin("acme") as store:
            store.execution_logs.append(run, [LogLine(1, 3, now, "info", "said", {})])
    assert drop_expired(settings, MARCH).partitions == OLD
    with database.begin("acme") as store:
        assert [line.line for line in store.execution_logs.tail("acme", run.id).items] == [1, 2, 3]


def test_writers_go_on_while_a_detach_waits(settings, database, plant, admin):
    """The detach waits for an open transaction of the current month; another writer waits for nobody."""
    run = plant.run()
    with database.begin_system() as store:
        now = store.now()
    with open_writer(settings, *say(run, now)) as first, dropping(settings) as answers:
        detaching = "query LIKE '%DETACH%' AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()"
        wait_until(admin, f"SELECT count(*) FROM pg_stat_activity WHERE {detaching}")
        with open_writer(settings, "SET LOCAL lock_timeout = '100ms'") as second:
            second.execute(*say(run, now, 2))
            second.execute(*say(run, now + timedelta(days=40), 3))
            second.execute("UPDATE scheduler.runs SET priority = 1 WHERE id = %s", [run.id])
        assert not answers, "the detach still waits"
        assert locks_of_dropping(admin) <= set(LOCKS)
        first.commit()
    assert answers[0].partitions == OLD
    with database.begin("acme") as store:
        assert [line.line for line in store.execution_logs.tail("acme", run.id).items] == [1, 2, 3]


@pytest.mark.parametrize(
    ("detached", "blocker", "locks"),
    [
        (False, "LOCK TABLE scheduler.{} IN SHARE UPDATE EXCLUSIVE MODE", {*LOCKS[:1], *LOCKS[2:]}),
        (False, "SELECT FROM scheduler.{}", {*LOCKS[:2]}),
        (True, "SELECT FROM scheduler.{}", {LOCKS[1]}),
    ],
    ids=["first step of a detach", "last step of a detach", "drop"],
)
def test_each_step_locks_what_the_list_says(settings, admin, detached, blocker, locks):
    """Only who uses the old partition by its name is in the way; seen from a second connection while it waits."""
    if detached:
        admin.execute(f"ALTER TABLE scheduler.execution_logs DETACH PARTITION scheduler.{OLD[0]}")
    with psycopg.connect(admin.info.dsn) as user:
        user.execute(blocker.format(OLD[0]))
        with dropping(settings) as answers:
            waits = f"relation = 'scheduler.{OLD[0]}'::regclass AND NOT granted"
            wait_until(admin, f"SELECT count(*) FROM pg_locks WHERE {waits}")
            found = locks_of_dropping(admin)
            user.commit()
    assert found == locks
    assert answers[0].partitions == OLD


def test_a_partition_detached_before_is_dropped(settings, admin, tables):
    admin.execute(f"ALTER TABLE scheduler.execution_logs DETACH PARTITION scheduler.{OLD[0]}")
    assert drop_expired(settings, MARCH).partitions == OLD
    assert tables() == ["execution_logs_202103"]


def test_tables_of_other_names_are_never_dropped(settings, admin, tables):
    for name in ("execution_logs_2021", "execution_logs_202113", "execution_logs_202101_kept"):
        admin.execute(f"CREATE TABLE scheduler.{name} ()")
    drop_expired(settings, MARCH)
    assert {"execution_logs_202113"} <= set(tables())
    assert admin.execute("SELECT to_regclass('scheduler.execution_logs_202101_kept')").fetchone() != (None,)


def test_one_process_drops_at_a_time(settings, admin, tables):
    admin.execute("SELECT pg_advisory_lock(hashtextextended('scheduler.drop_log_partitions', 0))")
    assert drop_expired(settings, MARCH).why_not == "another process is dropping log partitions"
    assert len(tables()) == 3


def test_behind_a_pooler_nothing_is_dropped_and_past_it_everything(pooler, settings, tables):
    pooled = pooler.settings(settings)
    assert drop_expired(pooled, MARCH) == Dropped(
        [], "a pooler stands before PostgreSQL; set SCHEDULER_DIRECT_DSN to go past it"
    )
    assert len(tables()) == 3
    past = pooled.model_copy(update={"direct_dsn": SecretStr(settings.conninfo())})
    assert drop_expired(past, MARCH) == Dropped(OLD)


def test_the_direct_connection_is_its_own(settings, server):
    elsewhere = settings.model_copy(update={"direct_dsn": SecretStr("host=127.0.0.1 port=1 password=s3cret")})
    with pytest.raises(ServerUnavailable, match="SCHEDULER_DIRECT_DSN") as caught:
        drop_expired(elsewhere, MARCH)
    assert "s3cret" not in str(caught.value)


def test_a_tenant_drops_no_partition(database, tenant):
    for statement in (
        f"ALTER TABLE scheduler.execution_logs DETACH PARTITION scheduler.{OLD[0]}",
        f"DROP TABLE scheduler.{OLD[0]}",
    ):
        for enter in (lambda: database.begin(tenant), database.begin_system):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), enter() as store:
                store.connection.execute(statement)


@contextmanager
def dropping(settings):
    """Drops in a thread; its answer is in the list at the end."""
    answers = []
    patience = timedelta(seconds=20)
    thread = threading.Thread(target=lambda: answers.append(drop_expired(settings, MARCH, patience)))
    thread.start()
    yield answers
    thread.join()


def wait_until(admin, query):
    for _ in range(1000):
        if admin.execute(query).fetchone()[0]:
            return
        admin.execute("SELECT pg_sleep(0.01)")
    raise AssertionError(query)


def locks_of_dropping(admin):
    """What the session that detaches or drops holds or waits for."""
    rows = admin.execute("""
        SELECT DISTINCT 'scheduler.' || regexp_replace(c.relname, '[0-9]{6}$', 'YYYYMM'), l.mode
        FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) JOIN pg_class AS c ON c.oid = l.relation
        WHERE (a.query LIKE '%DETACH%' OR a.query LIKE '%DROP TABLE%') AND a.pid <> pg_backend_pid()
          AND c.relkind IN ('r', 'p') AND c.relnamespace = 'scheduler'::regnamespace
    """)
    return {HeldLock(*row) for row in rows}
