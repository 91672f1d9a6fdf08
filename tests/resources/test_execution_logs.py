"""Table execution_logs: appended, read from where one stopped, kept in monthly partitions."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from resources.errors import InvalidInput
from resources.records import LogLine
from resources.states import LogLevel


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
        assert store.execution_logs.tail("acme", run.id).items == said


def test_a_tail_goes_on_after_an_attempt_and_line(database, plant, today):
    run, other = plant.run(), plant.run()
    lines = [line(number, today - timedelta(seconds=number)) for number in (1, 2, 10)]
    again = line(1, today, attempt=2)
    with database.begin("acme") as store:
        store.execution_logs.append(run, lines)
        store.execution_logs.append(replace(run, attempt=2), [again])
        store.execution_logs.append(other, [line(1, today, message="other")])
        tail = store.execution_logs.tail
        assert tail("acme", run.id).items == [*lines, again]
        assert tail("acme", run.id, limit=2).items == lines[:2]
        assert tail("acme", run.id, after=(1, 2)).items == [lines[2], again]
        assert tail("acme", run.id, after=(1, 10)).items == [again]
        assert tail("acme", run.id, after=(2, 1)).items == []
        assert tail("globex", run.id).items == []


def test_a_tail_is_paged_while_the_run_goes_on(database, plant, today):
    run = plant.run()
    lines = [line(number, today) for number in range(1, 6)]
    with database.begin("acme") as store:
        store.execution_logs.append(run, lines[:4])
        first = store.execution_logs.tail("acme", run.id, limit=2)
        store.execution_logs.append(run, lines[4:])
        second = store.execution_logs.tail("acme", run.id, limit=2, cursor=first.next_cursor)
        last = store.execution_logs.tail("acme", run.id, limit=2, cursor=second.next_cursor)
        assert [*first.items, *second.items, *last.items] == lines
        assert last.next_cursor is None
        with pytest.raises(InvalidInput, match="same filters"):
            store.execution_logs.tail("acme", run.id, (1, 1), cursor=first.next_cursor)


def test_a_cursor_with_a_number_that_no_line_can_have_is_refused(database, plant, today):
    run = plant.run()
    with database.begin("acme") as store:
        store.execution_logs.append(run, [line(1, today), line(2, today)])
        cursor = store.execution_logs.tail("acme", run.id, limit=1).next_cursor
        query, digest, _ = json.loads(base64.urlsafe_b64decode(f"{cursor}=="))
        forged = base64.urlsafe_b64encode(json.dumps([query, digest, ["1", str(2**40)]]).encode()).decode()
        with pytest.raises(InvalidInput, match="a cursor that this list returned"):
            store.execution_logs.tail("acme", run.id, limit=1, cursor=forged)


def test_a_tail_of_a_level_and_a_text(database, plant, today):
    run = plant.run()
    said = [
        (1, "debug", "100% of a_b"),
        (2, "info", "AXB"),
        (3, "error", "Straße C:\\x"),
        (4, "warning", "axb"),
    ]
    with database.begin("acme") as store:
        store.execution_logs.append(
            run, [line(n, today, message=text, level=level) for n, level, text in said]
        )

        def numbers(**wanted):
            return [one.line for one in store.execution_logs.tail("acme", run.id, **wanted).items]

        assert numbers(level=LogLevel.DEBUG) == [1, 2, 3, 4]
        assert numbers(level=LogLevel.WARNING) == [3, 4]
        assert numbers(text="axB") == [2, 4]
        assert numbers(text="axb", level=LogLevel.WARNING) == [4]
        assert numbers(text="a_b") == [1], "an underscore is no wildcard"
        assert numbers(text="100%") == [1]
        assert numbers(text="0%a") == [], "nor is a percent sign"
        assert numbers(text="c:\\X") == [3]


@pytest.fixture
def searched(database, plant, today):
    """A run of a schedule and one without, each with a line a minute; the other tenant's too."""
    schedule = plant.schedule()
    runs = [plant.run(schedule_id=schedule.id, schedule_version=1), plant.run(), plant.run("globex")]
    for run in runs:
        with database.begin(run.tenant_id) as store:
            lines = [
                line(
                    n,
                    today - timedelta(minutes=n),
                    level=("error" if n == 2 else "info"),
                    message=f"line {n}",
                )
                for n in (1, 2, 3)
            ]
            store.execution_logs.append(run, lines)
    return schedule, runs


def test_a_search_finds_lines_of_a_period_newest_first(database, searched, today):
    schedule, (of_schedule, other, _) = searched
    since = today - timedelta(minutes=3)

    def found(**wanted):
        period = {"since": since, "until": today} | wanted
        with database.begin("acme") as store:
            return [(one.run_id, one.line) for one in store.execution_logs.search("acme", **period).items]

    everything = [(run.id, n) for n in (1, 2, 3) for run in (other, of_schedule)]
    assert found() == everything
    assert found(until=today - timedelta(minutes=1)) == everything[2:], "until is left out"
    assert found(since=since + timedelta(seconds=1)) == everything[:4]
    assert found(run_id=other.id) == [(other.id, 1), (other.id, 2), (other.id, 3)]
    assert found(schedule_id=schedule.id) == [(of_schedule.id, 1), (of_schedule.id, 2), (of_schedule.id, 3)]
    assert found(level=LogLevel.WARNING) == [(other.id, 2), (of_schedule.id, 2)]
    assert found(text="LINE 3") == [(other.id, 3), (of_schedule.id, 3)]


def test_a_search_is_paged_while_lines_are_added(database, searched, today):
    _, (run, *_) = searched
    found, cursor = [], None
    with database.begin("acme") as store:
        while True:
            page = store.execution_logs.search(
                "acme", today - timedelta(hours=1), today, cursor=cursor, limit=2
            )
            found += [(one.at, one.run_id) for one in page.items]
            store.execution_logs.append(run, [line(10 + len(found), today - timedelta(seconds=1))])
            cursor = page.next_cursor
            if cursor is None:
                break
    assert len(found) == len(set(found)) == 6
    assert found == sorted(found, reverse=True)


def test_another_tenants_lines_are_not_found(database, searched, today):
    since = today - timedelta(hours=1)
    with database.begin("acme") as store:
        assert store.execution_logs.search("globex", since, today).items == []
    with database.begin("globex") as store:
        assert len(store.execution_logs.search("globex", since, today).items) == 3


def test_a_search_needs_a_period(database, tenant, today):
    with pytest.raises(InvalidInput, match="until"), database.begin(tenant) as store:
        store.execution_logs.search(tenant, today, today)


def test_nothing_to_append_is_nothing_appended(database, plant):
    run = plant.run()
    with database.begin("acme") as store:
        store.execution_logs.append(run, [])
        assert store.execution_logs.tail("acme", run.id).items == []


def test_a_line_is_written_once(database, plant, today):
    run = plant.run()
    with database.begin("acme") as store:
        store.execution_logs.append(run, [line(1, today, message="first")])
    with pytest.raises(psycopg.errors.UniqueViolation), database.begin("acme") as store:
        store.execution_logs.append(run, [line(1, today, message="second")])
    with database.begin("acme") as store:
        assert [one.message for one in store.execution_logs.tail("acme", run.id).items] == ["first"]


def test_a_month_without_a_partition_is_refused_and_nothing_is_written(database, plant, today):
    run, far = plant.run(), datetime(2031, 5, 6, tzinfo=UTC)
    with pytest.raises(
        psycopg.errors.CheckViolation, match='no partition of relation "execution_logs" found'
    ):
        with database.begin("acme") as store:
            store.execution_logs.append(run, [line(1, today), line(2, far)])
    with database.begin_system() as store:
        assert store.execution_logs.tail("acme", run.id).items == []
        assert store.execution_logs.ensure_partitions(far, far) == 1
    with database.begin("acme") as store:
        store.execution_logs.append(run, [line(2, far)])
        assert store.execution_logs.tail("acme", run.id).items == [line(2, far)]


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
