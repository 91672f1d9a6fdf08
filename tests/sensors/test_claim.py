"""The claim on PostgreSQL, ticked by hand with an injected clock."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Thread
from uuid import UUID

import psycopg
import pytest
from cronsim import CronSim
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from resources.ids import new_id
from resources.queries import load
from resources.records import Run
from resources.states import CatchUp, JobKind, LaunchState, Overlap, RunState, TriggerKind
from resources.store import Store
from scheduler_defs.edits.runs import cancel_run, request_run
from scheduler_defs.edits.schedules import (
    NewSchedule,
    create_schedule,
    delete_schedule,
    pause_schedule,
    resume_schedule,
)
from scheduler_defs.edits.tenants import create_tenant
from scheduler_defs.sensors.claim import (
    OFFER_LEASE,
    OFFERS_A_TICK,
    RUNS_A_TICK,
    TENANTS_A_TICK,
    claim,
    claim_or_wait,
)
from scheduler_defs.timing.rules import CronRule, IntervalRule, OnceRule

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
OPEN = ("pending", "queued", "running")


@pytest.fixture
def make(database, tenant):
    """make(rule, …, name=…, tenant=…, at=…, **fields of NewSchedule) creates a schedule and returns it."""

    def make(*rules, name="nightly", tenant=tenant, at=NOW, **changes):
        wanted = {"kind": JobKind.GRAPH, "overlap": Overlap.ALLOW} | changes
        with database.begin_system() as store:
            return create_schedule(store, tenant, NewSchedule(name, rules=rules, **wanted), "tests", at)

    return make


@pytest.fixture
def tick(database):
    """tick(now) claims as the owner `here` and returns the offers."""

    def tick(now, owner="here"):
        with database.begin_system() as store:
            return claim(store, owner, now)

    return tick


@pytest.fixture
def ledger(database):
    """ledger() is every run of the tenant acme, by its planned instant."""

    def ledger(tenant="acme") -> list[Run]:
        with database.begin(tenant) as store:
            runs = store.runs.list(tenant, limit=10_000)
        return sorted(runs, key=lambda run: (run.scheduled_for, run.id))

    return ledger


@pytest.fixture
def start(database):
    """start(offers, at) opens launches as Dagster runs would."""

    def start(offers, at):
        worker = new_id()
        fields = {"host": "h", "pid": 1, "kinds": ["graph"], "capacity": 1, "version": "0"}
        with database.begin_system() as store:
            store.workers.register(worker, dagster_run_id=None, now=at, **fields)
            for offer in offers:
                store.launches.acknowledge(offer.id, f"dagster-{offer.id}", at)
                store.runs.open_of_launch(offer.id, f"dagster-{offer.id}", worker, at)

    return start


@pytest.fixture
def finish(database):
    """finish(run, at) ends a running attempt."""

    def finish(run, at, state=RunState.COMPLETED):
        with database.begin(run.tenant_id) as store:
            current = store.runs.get(run.tenant_id, run.id)
            store.runs.finish(current, state, at, reason="cancelled" if state is RunState.CANCELLED else None)

    return finish


def every(interval, anchor=NOW):
    return IntervalRule(interval, anchor)


def states(runs):
    return [(run.state.value, run.scheduled_for) for run in runs]


def all_runs(offers) -> list[UUID]:
    return sorted(run for offer in offers for run in offer.runs)


def next_fires(admin):
    rows = admin.execute("SELECT next_fire_at FROM scheduler.triggers ORDER BY next_fire_at NULLS LAST")
    return [row[0] for row in rows]


def plant_due(admin, tenants, schedules=1, triggers=1, due=NOW):
    """Schedules and triggers by SQL: the interval triggers are due at an instant, every hour."""
    admin.execute(
        """
        WITH made AS (
            INSERT INTO scheduler.schedules (tenant_id, id, name, kind, overlap, created_at, created_by,
                                             updated_at, updated_by)
            SELECT tenant, gen_random_uuid(), gen_random_uuid()::text, 'graph', 'allow', %(due)s, 'sql', %(due)s, 'sql'
            FROM unnest(%(tenants)s::text[]) AS tenant, generate_series(1, %(schedules)s) AS n
            RETURNING tenant_id, id)
        INSERT INTO scheduler.triggers (tenant_id, id, schedule_id, kind, every, anchor, next_fire_at,
                                        created_at, updated_at)
        SELECT tenant_id, gen_random_uuid(), id, 'interval', '1 hour', %(due)s, %(due)s, %(due)s, %(due)s
        FROM made, generate_series(1, %(triggers)s)
        """,
        {"tenants": tenants, "schedules": schedules, "triggers": triggers, "due": due},
    )


def plant_tenants(admin, count):
    names = [f"t{number:04}" for number in range(count)]
    admin.execute(
        """
        INSERT INTO scheduler.tenants (tenant_id, display_name, created_at, created_by)
        SELECT name, name, now(), 'sql' FROM unnest(%s::text[]) AS name
        """,
        [names],
    )
    return names


# What fires


@pytest.mark.parametrize(
    ("rule", "due", "following"),
    [
        pytest.param(CronRule("30 12 * * *"), NOW + HOUR / 2, NOW + 24.5 * HOUR, id="cron"),
        pytest.param(every(HOUR, NOW + MINUTE), NOW + MINUTE, NOW + 61 * MINUTE, id="interval"),
        pytest.param(OnceRule(NOW + HOUR), NOW + HOUR, None, id="once"),
    ],
)
def test_a_due_trigger_fires_exactly_once_and_moves_on(make, tick, ledger, admin, rule, due, following):
    made = make(rule, selection=_selection("web"), priority=3)
    assert tick(due - SECOND) == []
    assert ledger() == []
    (offer,) = tick(due)
    (run,) = ledger()
    assert (run.state, run.scheduled_for, run.schedule_id, run.launch_id) == (
        *(RunState.QUEUED, due, made.id, offer.id),
    )
    assert (run.selection, run.priority, run.attempt) == ({"namespace": "web"}, 3, 1)
    assert (offer.kind, offer.runs, offer.tenants, offer.schedules) == (
        *(JobKind.GRAPH, [run.id], ["acme"], ["nightly"]),
    )
    assert next_fires(admin) == [following]
    assert tick(due) == []
    assert ledger() == [run]


def _selection(namespace):
    from resources.selection import Selection

    return Selection(namespace=namespace)


def test_nothing_due_gives_nothing_and_writes_nothing(make, tick, admin):
    make(every(HOUR, NOW + HOUR))
    before = admin.execute("SELECT tenant_id, claimed_at FROM scheduler.tenants ORDER BY 1").fetchall()
    assert tick(NOW) == []
    assert admin.execute("SELECT tenant_id, claimed_at FROM scheduler.tenants ORDER BY 1").fetchall() == before


def test_a_trigger_whose_tenant_another_claimer_serves_waits_for_it(database, make, tick, ledger):
    make(every(HOUR))
    with database.begin_system() as other:
        assert len(claim(other, "there", NOW)) == 1
        assert tick(NOW) == []
    assert len(ledger()) == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE scheduler.schedules SET enabled = false",
        "UPDATE scheduler.schedules SET deleted_at = now(), deleted_by = 'sql'",
        "UPDATE scheduler.triggers SET enabled = false",
    ],
)
def test_what_was_switched_off_by_hand_does_not_fire(make, tick, ledger, admin, change):
    make(every(HOUR))
    admin.execute(change)
    assert tick(NOW + HOUR) == []
    assert ledger() == []


@pytest.mark.parametrize("edit", ["pause", "delete"])
def test_a_paused_or_deleted_schedule_does_not_fire(database, make, tick, ledger, edit):
    make(every(HOUR))
    with database.begin("acme") as store:
        if edit == "pause":
            pause_schedule(store, "acme", "nightly", "holidays", "ann")
        else:
            delete_schedule(store, "acme", "nightly", "ann")
    assert tick(NOW + HOUR) == []
    assert ledger() == []


def test_a_resumed_schedule_never_fires_the_past(database, make, tick, ledger, admin):
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    make(every(HOUR, long_ago), CronRule("* * * * *"), at=long_ago, catch_up=CatchUp.ALL)
    with database.begin("acme") as store:
        pause_schedule(store, "acme", "nightly", "", "ann")
        resume_schedule(store, "acme", "nightly", "ann")
        resumed_at = store.now()
    assert min(next_fires(admin)) > resumed_at - SECOND
    assert tick(min(next_fires(admin)) - SECOND) == []
    assert ledger() == []
    (offer,) = tick(min(next_fires(admin)))
    assert len(offer.runs) == len(ledger()) == 1


def test_rows_written_by_hand_fire(tenant, tick, ledger, admin):
    schedule, trigger = new_id(), new_id()
    admin.execute(
        """
        INSERT INTO scheduler.schedules (tenant_id, id, name, kind, mode, selection, created_at, created_by,
                                         updated_at, updated_by)
        VALUES ('acme', %s, 'by hand', 'policy', 'incremental', '{"labels": {"tier": "prod"}}',
                now(), 'psql', now(), 'psql')
        """,
        [schedule],
    )
    admin.execute(
        """
        INSERT INTO scheduler.triggers (tenant_id, id, schedule_id, kind, cron, timezone, next_fire_at,
                                        created_at, updated_at)
        VALUES ('acme', %s, %s, 'cron', '0 * * * *', 'Europe/Berlin', %s, now(), now())
        """,
        [trigger, schedule, NOW - 30 * SECOND],
    )
    assert len(tick(NOW - SECOND)) == 1
    (run,) = ledger()
    assert (run.state, run.scheduled_for, run.schedule_name) == (
        *(RunState.QUEUED, NOW - 30 * SECOND, "by hand"),
    )
    assert (run.kind, run.mode, run.selection) == ("policy", "incremental", {"labels": {"tier": "prod"}})
    assert next_fires(admin) == [NOW]


def test_a_trigger_that_makes_no_sense_stops_alone(make, tick, ledger, admin):
    make(every(HOUR))
    make(CronRule("* * * * *"), name="broken", tenant="globex", at=NOW - MINUTE)
    admin.execute("UPDATE scheduler.triggers SET cron = 'every now and then' WHERE kind = 'cron'")
    assert len(tick(NOW)) == 1
    assert states(ledger()) == [("queued", NOW)]
    (skipped,) = ledger("globex")
    assert (skipped.state, skipped.skipped_count, skipped.scheduled_for) == (RunState.SKIPPED, 1, NOW)
    assert "every now and then" in skipped.reason
    assert next_fires(admin) == [NOW + HOUR, None]


# Catch-up


@pytest.mark.parametrize(
    ("catch_up", "fired", "skipped"),
    [
        (CatchUp.NONE, 1, [("missed", 5, NOW, NOW + 4 * HOUR)]),
        (CatchUp.LATEST, 1, [("missed", 5, NOW, NOW + 4 * HOUR)]),
        (CatchUp.ALL, 4, [("missed", 2, NOW, NOW + HOUR)]),
    ],
)
def test_catch_up_after_downtime_leaves_one_skipped_row_with_its_count(
    make, tick, ledger, catch_up, fired, skipped
):
    make(every(HOUR), catch_up=catch_up, catch_up_window=3.5 * HOUR)
    tick(NOW + 5 * HOUR)
    runs = ledger()
    assert [run.scheduled_for for run in runs if run.state is RunState.QUEUED] == [
        NOW + (6 - fired + k) * HOUR for k in range(fired)
    ]
    found = [run for run in runs if run.state is RunState.SKIPPED]
    assert [(r.reason, r.skipped_count, r.skipped_first, r.skipped_last) for r in found] == skipped
    assert len(runs) == fired + 1


def test_without_catch_up_nothing_missed_fires_and_the_newest_missed_one_does_with_latest(
    make, tick, ledger
):
    make(every(HOUR), name="none", catch_up=CatchUp.NONE)
    make(every(HOUR), name="latest", catch_up=CatchUp.LATEST)
    tick(NOW + 2 * HOUR + 10 * MINUTE)
    by_name = {
        name: [(run.state.value, run.scheduled_for, run.skipped_count) for run in ledger() if run.schedule_name == name]
        for name in ("none", "latest")
    }
    assert by_name == {
        "none": [("skipped", NOW, 3)],
        "latest": [("skipped", NOW, 2), ("queued", NOW + 2 * HOUR, None)],
    }


# Overlap


def test_overlap_skip_fires_again_only_when_the_run_before_has_ended(make, tick, ledger, start, finish):
    make(every(HOUR), overlap=Overlap.SKIP)
    start(tick(NOW), NOW)
    assert tick(NOW + HOUR) == []
    first, skipped = ledger()
    assert (skipped.state, skipped.reason, skipped.skipped_count) == (RunState.SKIPPED, "overlap", 1)
    finish(first, NOW + 1.5 * HOUR)
    assert len(tick(NOW + 2 * HOUR)) == 1
    assert states(ledger()) == [
        ("completed", NOW),
        ("skipped", NOW + HOUR),
        ("queued", NOW + 2 * HOUR),
    ]


def test_overlap_skip_counts_a_queued_and_a_buffered_run_as_open(make, tick, ledger, database):
    make(every(HOUR), overlap=Overlap.SKIP)
    assert len(tick(NOW)) == 1
    assert tick(NOW + SECOND) == []
    tick(NOW + HOUR)
    assert states(ledger()) == [("queued", NOW), ("skipped", NOW + HOUR)]


def test_overlap_buffer_one_keeps_one_waiting(make, tick, ledger, start, finish):
    make(every(HOUR), overlap=Overlap.BUFFER_ONE)
    start(tick(NOW), NOW)
    assert tick(NOW + HOUR) == []
    assert tick(NOW + 2 * HOUR) == []
    assert states(ledger()) == [("running", NOW), ("pending", NOW + HOUR), ("skipped", NOW + 2 * HOUR)]
    finish(ledger()[0], NOW + 2.5 * HOUR)
    (offer,) = tick(NOW + 2.5 * HOUR)
    assert offer.runs == [ledger()[1].id]
    assert states(ledger())[1] == ("queued", NOW + HOUR)


def test_overlap_buffer_all_runs_them_one_after_the_other_in_order(make, tick, ledger, start, finish):
    make(every(HOUR), overlap=Overlap.BUFFER_ALL, catch_up=CatchUp.ALL)
    now, order = NOW + 3 * HOUR, []
    for step in range(4):
        offers = tick(now + step * MINUTE)
        assert len(all_runs(offers)) == 1
        assert tick(now + step * MINUTE) == []
        start(offers, now + step * MINUTE)
        (running,) = (run for run in ledger() if run.state is RunState.RUNNING)
        order.append(running.scheduled_for)
        finish(running, now + step * MINUTE + SECOND)
    assert order == [NOW, NOW + HOUR, NOW + 2 * HOUR, NOW + 3 * HOUR]
    assert tick(now + 10 * MINUTE) == []


def test_overlap_cancel_running_asks_the_run_before_to_stop_and_starts_after_it(
    make, tick, ledger, start, finish
):
    make(every(HOUR), overlap=Overlap.CANCEL_RUNNING)
    start(tick(NOW), NOW)
    assert tick(NOW + HOUR) == []
    running, waiting = ledger()
    assert (running.state, running.cancel_requested_at) == (RunState.RUNNING, NOW + HOUR)
    assert waiting.state is RunState.PENDING
    tick(NOW + 2 * HOUR)
    assert states(ledger()) == [("running", NOW), ("cancelled", NOW + HOUR), ("pending", NOW + 2 * HOUR)]
    assert ledger()[0].cancel_requested_at == NOW + HOUR
    finish(running, NOW + 2 * HOUR + MINUTE, RunState.CANCELLED)
    (offer,) = tick(NOW + 2 * HOUR + MINUTE)
    assert offer.runs == [ledger()[2].id]


def test_overlap_cancel_running_replaces_what_is_only_queued(make, tick, ledger):
    make(every(HOUR), overlap=Overlap.CANCEL_RUNNING)
    (first,) = tick(NOW)
    offers = tick(NOW + HOUR)
    assert states(ledger()) == [("cancelled", NOW), ("queued", NOW + HOUR)]
    assert ledger()[0].reason == "overlap"
    assert all_runs(one for one in offers if one.id != first.id) == [ledger()[1].id]


def test_overlap_allow_lets_runs_pile_up(make, tick, ledger, start):
    make(every(HOUR), overlap=Overlap.ALLOW)
    for hour in range(3):
        start(tick(NOW + hour * HOUR), NOW + hour * HOUR)
    assert states(ledger()) == [("running", NOW + hour * HOUR) for hour in range(3)]


# The queue


def test_a_tenants_limit_holds_back_runs_not_fires(database, make, tick, ledger, start, finish, admin):
    admin.execute("UPDATE scheduler.tenants SET max_concurrent_runs = 2 WHERE tenant_id = 'acme'")
    for number in range(5):
        make(every(HOUR), name=f"s{number}", priority=number)
    make(every(HOUR), tenant="globex")
    offers = tick(NOW)
    mine = [run for run in ledger() if run.id in all_runs(offers)]
    assert sorted(run.priority for run in mine) == [3, 4]
    assert Counter(run.state for run in ledger()) == {RunState.QUEUED: 2, RunState.PENDING: 3}
    assert states(ledger("globex")) == [("queued", NOW)]
    start(offers, NOW)
    assert tick(NOW + MINUTE) == []
    finish(mine[0], NOW + MINUTE)
    (offer,) = tick(NOW + 2 * MINUTE)
    (run,) = (run for run in ledger() if run.id in offer.runs)
    assert run.priority == 2
    admin.execute("UPDATE scheduler.tenants SET max_concurrent_runs = 1 WHERE tenant_id = 'acme'")
    assert tick(NOW + 3 * MINUTE) == []


def test_a_run_that_is_not_available_yet_is_not_launched(database, tick, ledger, tenant, admin):
    with database.begin_system() as store:
        run_id = request_run(store, "acme", JobKind.GRAPH, "ann")
    admin.execute("UPDATE scheduler.runs SET available_at = %s", [NOW + HOUR])
    assert tick(NOW + HOUR - SECOND) == []
    assert [run.state for run in ledger()] == [RunState.PENDING]
    (offer,) = tick(NOW + HOUR)
    assert offer.runs == [run_id]


def test_many_runs_of_one_tenant_do_not_keep_another_tenants_run_from_a_launch(tick, ledger, tenant, admin):
    names = plant_tenants(admin, 5)
    admin.execute(
        """
        INSERT INTO scheduler.runs (tenant_id, id, trigger_kind, kind, mode, state, scheduled_for, available_at,
                                    requested_by, created_at)
        SELECT tenant, gen_random_uuid(), 'manual', kind, mode, 'pending', %(now)s, %(now)s, 'sql', %(now)s
        FROM (SELECT tenant, 'graph' AS kind, NULL AS mode
              FROM unnest(%(names)s::text[]) AS tenant, generate_series(1, %(each)s)
              UNION ALL VALUES ('acme', 'policy', 'full')) AS wanted
        """,
        {"now": NOW, "names": names, "each": RUNS_A_TICK // 4},
    )
    tick(NOW)
    assert [run.state for run in ledger()] == [RunState.QUEUED]


def test_a_run_cancelled_while_it_is_put_into_a_launch_leaves_no_launch_to_offer(
    database, tick, ledger, tenant, admin
):
    with database.begin_system() as store:
        request_run(store, "acme", JobKind.GRAPH, "ann")
    (run,) = ledger()
    now, offers = run.available_at, []
    claimer = Thread(target=lambda: offers.append(tick(now)))
    with database.begin("acme") as store:
        cancel_run(store, run, "ann")
        claimer.start()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        while admin.execute(waiting).fetchone() == (0,):
            assert claimer.is_alive()
    claimer.join()
    assert offers == [[]]
    assert [run.state for run in ledger()] == [RunState.CANCELLED]
    assert admin.execute("SELECT count(*) FROM scheduler.launches WHERE state = 'offered'").fetchone() == (0,)


# The clock and crashes


def test_a_clock_that_jumps_back_fires_nothing_twice(make, tick, ledger, admin):
    make(every(HOUR), CronRule("0 * * * *"), catch_up=CatchUp.ALL)
    tick(NOW + 2 * HOUR)
    before = ledger()
    assert len(before) == 5
    for jump in (2 * HOUR, HOUR, MINUTE, timedelta()):
        tick(NOW + jump)
    assert {run.id for run in ledger()} == {run.id for run in before}
    assert min(next_fires(admin)) == NOW + 3 * HOUR


def test_next_fire_at_set_back_by_hand_fires_nothing_twice(make, tick, ledger, admin):
    make(every(HOUR), catch_up=CatchUp.ALL)
    tick(NOW + 2 * HOUR)
    before = ledger()
    admin.execute("UPDATE scheduler.triggers SET next_fire_at = %s", [NOW])
    assert tick(NOW + 2 * HOUR) == []
    assert ledger() == before
    assert next_fires(admin) == [NOW + 3 * HOUR]


def test_a_tick_that_fails_half_way_leaves_nothing(database, make, tick, ledger, admin):
    make(every(HOUR))
    tables = ("tenants", "triggers", "runs", "launches")

    def snapshot():
        return [admin.execute(f"SELECT * FROM scheduler.{table} ORDER BY 1, 2").fetchall() for table in tables]

    before = snapshot()
    with pytest.raises(ZeroDivisionError), database.begin_system() as store:
        assert len(claim(store, "here", NOW)) == 1
        raise ZeroDivisionError
    assert snapshot() == before
    assert len(tick(NOW)) == 1
    assert states(ledger()) == [("queued", NOW)]


# Offers


def test_a_launch_is_offered_again_only_after_its_lease_and_only_to_its_owner(make, tick, database):
    make(every(HOUR))
    (offer,) = tick(NOW)
    assert tick(NOW + OFFER_LEASE - SECOND) == []
    assert tick(NOW + OFFER_LEASE, owner="there") == []
    assert tick(NOW + OFFER_LEASE) == [offer]
    assert tick(NOW + OFFER_LEASE + SECOND) == []
    with database.begin_system() as store:
        assert store.launches.get(offer.id).offers == 2


def test_an_acknowledged_launch_is_not_offered(make, tick, start, database):
    make(every(24 * HOUR))
    (offer,) = tick(NOW)
    start([offer], NOW)
    assert tick(NOW + HOUR) == []
    with database.begin_system() as store:
        assert store.launches.get(offer.id).state is LaunchState.ACKNOWLEDGED


def test_offers_of_a_tick_are_bounded_and_none_is_forgotten(tick, admin):
    names = plant_tenants(admin, OFFERS_A_TICK)
    admin.execute(
        """
        INSERT INTO scheduler.runs (tenant_id, id, trigger_kind, kind, state, scheduled_for, available_at,
                                    requested_by, created_at)
        SELECT tenant, gen_random_uuid(), 'manual', 'graph', 'pending', %(now)s, %(now)s, 'sql', %(now)s
        FROM unnest(%(names)s::text[]) AS tenant, generate_series(1, 2)
        """,
        {"now": NOW, "names": names},
    )
    offers = tick(NOW)
    assert len(offers) == 4
    assert sorted(len(offer.runs) for offer in offers) == [50] * 4
    assert len({*all_runs(offers)}) == 2 * OFFERS_A_TICK


# Fairness and cost


@pytest.mark.parametrize(("schedules", "triggers"), [(3000, 1), (1, 3000)])
def test_a_tenant_with_thousands_due_does_not_keep_another_from_the_first_tick(
    tick, ledger, admin, tenant, schedules, triggers
):
    plant_due(admin, ["acme"], schedules, triggers, due=NOW - 10 * MINUTE)
    plant_due(admin, ["globex"])
    offers = tick(NOW)
    (run,) = ledger("globex")
    assert run.id in all_runs(offers)
    at_first, ticks = len(ledger()), 1
    while len(ledger()) < 3000:
        tick(NOW)
        ticks += 1
    assert at_first < 3000
    assert ticks < 25
    assert len(ledger()) == 3000


def test_those_served_longest_ago_are_served_first(tick, admin, ledger):
    names = plant_tenants(admin, TENANTS_A_TICK + 50)
    plant_due(admin, names)
    served = partial(_served, admin)
    tick(NOW)
    assert served() == names[:TENANTS_A_TICK]
    tick(NOW + HOUR)
    late_ones, again = names[TENANTS_A_TICK:], names[: TENANTS_A_TICK - 50]
    assert served() == [*again, *late_ones]
    tick(NOW + HOUR)
    assert served() == names[TENANTS_A_TICK - 50 : TENANTS_A_TICK]


def _served(admin):
    """The tenants with a run since the last call."""
    rows = admin.execute(
        """
        WITH seen AS (UPDATE scheduler.runs SET requested_by = 'seen' WHERE requested_by <> 'seen' RETURNING tenant_id)
        SELECT DISTINCT tenant_id FROM seen ORDER BY 1
        """
    )
    return [row[0] for row in rows]


def test_a_thousand_fires_cost_no_more_statements_than_one(admin, settings):
    statements = []

    class Counting(psycopg.Cursor):
        def execute(self, query, *arguments, **options):
            statements.append(query)
            return super().execute(query, *arguments, **options)

    def cost(now):
        statements.clear()
        with psycopg.connect(settings.conninfo(), cursor_factory=Counting) as connection:
            connection.execute(load("session/begin_system"))
            runs = all_runs(claim(Store(connection), "here", now))
        return len(statements), len(runs)

    names = plant_tenants(admin, 50)
    plant_due(admin, names[:1])
    one = cost(NOW)
    plant_due(admin, names, schedules=20, due=NOW + MINUTE)
    many = cost(NOW + MINUTE)
    assert (one[1], many[1]) == (1, 1000)
    assert many[0] == one[0] <= 15


# Waiting


def test_waiting_ends_when_a_trigger_becomes_due_and_no_transaction_is_open_meanwhile(
    database, make, admin, ledger
):
    with database.begin_system() as store:
        now = store.now()
    make(OnceRule(now + 10 * MINUTE), at=now)
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        active = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL"
        assert admin.execute(f"{active} AND pid <> pg_backend_pid()").fetchone() == (0,)
        if len(slept) == 2:
            admin.execute("UPDATE scheduler.triggers SET next_fire_at = now()")

    offers = claim_or_wait(database, "here", patience=HOUR, poll=0.5 * SECOND, sleep=sleep)
    assert slept == [0.5, 0.5]
    assert all_runs(offers) == [run.id for run in ledger()]


def test_waiting_wakes_at_the_next_fire_and_gives_up_in_the_end(database, make):
    with database.begin_system() as store:
        now = store.now()
    make(OnceRule(now + HOUR), at=now)
    slept = []
    assert claim_or_wait(database, "here", patience=timedelta(), poll=SECOND, sleep=slept.append) == []
    assert slept == []
    patience = timedelta(milliseconds=20)
    assert claim_or_wait(database, "here", patience=patience, poll=HOUR, sleep=slept.append) == []
    assert slept
    assert max(slept) <= 0.02


# Every occurrence once, whatever happens

intervals = st.integers(min_value=1, max_value=40).map(lambda minutes: every(minutes * MINUTE))
crons = st.sampled_from(["*/7 * * * *", "0 * * * *", "5,6,50 12-14 * * *"]).map(CronRule)
once = st.integers(min_value=0, max_value=240).map(lambda minutes: OnceRule(NOW + minutes * MINUTE))
schedules = st.fixed_dictionaries(
    {
        "rules": st.lists(st.one_of(intervals, crons, once), min_size=1, max_size=3),
        "overlap": st.sampled_from(list(Overlap)),
        "catch_up": st.sampled_from(list(CatchUp)),
        "catch_up_window": st.sampled_from([timedelta(), 20 * MINUTE, 3 * HOUR]),
        "misfire_grace": st.sampled_from([timedelta(), MINUTE, HOUR]),
    }
)
steps = st.lists(
    st.tuples(st.integers(min_value=-30, max_value=90), st.sampled_from(["nothing", "start", "finish"])),
    min_size=1,
    max_size=6,
)


def occurrences(trigger, until):
    """What a trigger was to fire up to an instant, by other means than the product's."""
    kind, cron, interval, anchor, at = trigger
    if kind == "once":
        return [at] if at <= until else []
    if kind == "interval":
        return [anchor + k * interval for k in range((until - anchor) // interval + 1)]
    found, fires = [], CronSim(cron, NOW)
    while (following := next(fires)) <= until:
        found.append(following)
    return found


@examples(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=st.lists(schedules, min_size=1, max_size=3), walk=steps)
def test_every_occurrence_is_accounted_for_exactly_once(property_world, wanted, walk):
    database, admin, start, finish = property_world
    admin.execute("TRUNCATE scheduler.tenants CASCADE")
    with database.begin_system() as store:
        create_tenant(store, "acme", "tests")
        for number, one in enumerate(wanted):
            create_schedule(store, "acme", NewSchedule(f"s{number}", JobKind.GRAPH, **one), "tests", NOW)
    now, furthest = NOW, NOW - HOUR
    for minutes, action in walk:
        now += minutes * MINUTE
        furthest = max(furthest, now)
        with database.begin_system() as store:
            offers = claim(store, "here", now)
        if action != "nothing":
            start(offers, now)
        if action == "finish":
            with database.begin("acme") as store:
                running = store.runs.list("acme", state=RunState.RUNNING, limit=1000)
            for run in running:
                finish(run, max(now, run.started_at))
    columns = "id, kind, cron, every, anchor, at, next_fire_at, fire_count, misfire_count"
    for row in admin.execute(f"SELECT {columns} FROM scheduler.triggers").fetchall():
        identity, *trigger, next_fire_at, fires, misfires = row
        expected = occurrences(trigger, furthest)
        accounted, runs_of_its_own = [], 0
        ledger = admin.execute(
            "SELECT scheduled_for, skipped_count, skipped_first, skipped_last FROM scheduler.runs WHERE trigger_id = %s",
            [identity],
        )
        for scheduled_for, count, first, last in ledger.fetchall():
            covered = [at for at in expected if (first or scheduled_for) <= at <= (last or scheduled_for)]
            assert len(covered) == (count or 1)
            runs_of_its_own += count is None
            accounted += covered
        assert sorted(accounted) == expected
        assert (fires, fires + misfires) == (runs_of_its_own, len(expected))
        assert next_fire_at is None or next_fire_at > furthest


@pytest.fixture
def property_world(database, admin, start, finish):
    """What one hypothesis test uses for all its examples; each empties the tables first."""
    return database, admin, start, finish


def test_kinds_of_triggers_are_named_in_the_ledger(make, tick, ledger):
    make(every(HOUR), CronRule("0 * * * *"), OnceRule(NOW + HOUR))
    tick(NOW + HOUR)
    assert {run.trigger_kind for run in ledger()} == {
        TriggerKind.INTERVAL,
        TriggerKind.CRON,
        TriggerKind.ONCE,
    }
