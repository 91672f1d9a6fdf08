"""Table execution_logs: appended, read from where one stopped, kept in monthly partitions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from resources.records import LogLine


def line(number, at, attempt=1, message="said", **changes):
    wanted = {"level": "info", "fields": {}} | changes
    return LogLine(attempt=attempt, line=number, at=at, message=message, **wanted)


@pytest.fixture
def today(database):
    with database.begin_system() as store:
        return store.now()


def partitions(admin):
    return [
        row[0]
        for row in admin.execute("""
            SELECT inhrelid::regclass::text FROM pg_inherits
            WHERE inhparent = 'scheduler.execution_logs'::regclass ORDER BY 1
        """)
    ]


def test_lines_are_read_as_they_were_written(database, plant, today):
    run = plant.run()
    said = [
        line(1, today, fields={"image": "shop", "n": [1, None]}),
        line(2, today, message="é\n%s", level="error"),
    ]
    with database.begin("acme") as store:
        store.execution_logs.append(run, said)
        assert store.execution_logs.tail("acme", run.id) == said


def test_a_tail_goes_on_after_an_attempt_and_line(database, plant, today):
    run, other = plant.run(), plant.run()
    lines = [line(number, today - timedelta(seconds=number)) for number in (1, 2, 10)]
    again = line(1, today, attempt=2)
    with database.begin("acme") as store:
        store.execution_logs.append(run, lines)
        store.execution_logs.append(replace(run, attempt=2), [again])
        store.execution_logs.append(other, [line(1, today, message="other")])
        tail = store.execution_logs.tail
        assert tail("acme", run.id) == [*lines, again]
        assert tail("acme", run.id, limit=2) == lines[:2]
        assert tail("acme", run.id, after=(1, 2)) == [lines[2], again]
        assert tail("acme", run.id, after=(1, 10)) == [again]
        assert tail("acme", run.id, after=(2, 1)) == []
        assert tail("globex", run.id) == []


def test_nothing_to_append_is_nothing_appended(database, plant):
    run = plant.run()
    with database.begin("acme") as store:
        store.execution_logs.append(run, [])
        assert store.execution_logs.tail("acme", run.id) == []


def test_a_line_is_written_once(database, plant, today):
    run = plant.run()
    with database.begin("acme") as store:
        store.execution_logs.append(run, [line(1, today, message="first")])
    with pytest.raises(psycopg.errors.UniqueViolation), database.begin("acme") as store:
        store.execution_logs.append(run, [line(1, today, message="second")])
    with database.begin("acme") as store:
        assert [one.message for one in store.execution_logs.tail("acme", run.id)] == ["first"]


def test_a_month_without_a_partition_is_refused_and_nothing_is_written(database, plant, today):
    run, far = plant.run(), datetime(2031, 5, 6, tzinfo=UTC)
    with pytest.raises(
        psycopg.errors.CheckViolation, match='no partition of relation "execution_logs" found'
    ):
        with database.begin("acme") as store:
            store.execution_logs.append(run, [line(1, today), line(2, far)])
    with database.begin_system() as store:
        assert store.execution_logs.tail("acme", run.id) == []
        assert store.execution_logs.ensure_partitions(far, far) == 1
    with database.begin("acme") as store:
        store.execution_logs.append(run, [line(2, far)])
        assert store.execution_logs.tail("acme", run.id) == [line(2, far)]


def test_partitions_of_a_period_are_made_once_month_by_month(database, admin):
    before = partitions(admin)
    first, last = datetime(2030, 11, 30, 23, 59, 59, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
    with database.begin_system() as store:
        assert store.execution_logs.ensure_partitions(first, last) == 3
        assert store.execution_logs.ensure_partitions(first, last) == 0
    made = [f"scheduler.execution_logs_{month}" for month in ("203011", "203012", "203101")]
    assert partitions(admin) == sorted([*before, *made])


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles", "UTC"])
def test_months_are_utc_whatever_the_sessions_time_zone(database, plant, admin, zone):
    ends = [datetime(2031, 3, 1, tzinfo=UTC), datetime(2031, 4, 1, tzinfo=UTC) - timedelta(microseconds=1)]
    with database.begin_system() as store:
        store.connection.execute(f"SET LOCAL timezone = '{zone}'")
        assert store.execution_logs.ensure_partitions(ends[0], ends[1]) == 1
    with database.begin("acme") as store:
        store.execution_logs.append(plant.run(), [line(n, at) for n, at in enumerate(ends, 1)])
    (count,) = admin.execute("SELECT count(*) FROM scheduler.execution_logs_203103").fetchone()
    assert count == 2


def test_two_processes_may_make_the_same_partitions(database):
    month = datetime(2032, 1, 1, tzinfo=UTC)
    with database.begin_system() as first:
        assert first.execution_logs.ensure_partitions(month, month) == 1
        with database.begin_system() as second:
            second.connection.execute("SET LOCAL lock_timeout = '50ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable), second.connection.transaction():
                second.execution_logs.ensure_partitions(month, month)
    with database.begin_system() as second:
        assert second.execution_logs.ensure_partitions(month, month) == 0


def test_a_tenant_makes_no_partitions(database, tenant, today):
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.begin(tenant) as store:
        store.execution_logs.ensure_partitions(today, today)


def test_what_was_said_is_never_rewritten(database, plant, today):
    with database.begin("acme") as store:
        store.execution_logs.append(plant.run(), [line(1, today)])
    for statement in (
        "UPDATE scheduler.execution_logs SET message = ''",
        "DELETE FROM scheduler.execution_logs",
    ):
        for enter in (lambda: database.begin("acme"), database.begin_system):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), enter() as store:
                store.connection.execute(statement)
