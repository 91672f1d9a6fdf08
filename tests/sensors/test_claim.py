"""The claim on PostgreSQL, ticked by hand with an injected clock."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from resources.ids import new_id
from resources.selection import Selection
from resources.states import CatchUp, JobKind, RunState, TriggerKind
from scheduler_defs.edits.schedules import delete_schedule, pause_schedule, resume_schedule
from scheduler_defs.sensors.claim import claim
from scheduler_defs.timing.rules import CronRule, IntervalRule, OnceRule

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def every(interval, anchor=NOW):
    return IntervalRule(interval, anchor)


def states(runs):
    return [(run.state.value, run.scheduled_for) for run in runs]


def next_fires(admin):
    rows = admin.execute("SELECT next_fire_at FROM scheduler.triggers ORDER BY next_fire_at NULLS LAST")
    return [row[0] for row in rows]


@pytest.mark.parametrize(
    ("rule", "due", "following"),
    [
        pytest.param(CronRule("30 12 * * *"), NOW + HOUR / 2, NOW + 24.5 * HOUR, id="cron"),
        pytest.param(every(HOUR, NOW + MINUTE), NOW + MINUTE, NOW + 61 * MINUTE, id="interval"),
        pytest.param(OnceRule(NOW + HOUR), NOW + HOUR, None, id="once"),
    ],
)
def test_a_due_trigger_fires_exactly_once_and_moves_on(make, tick, ledger, admin, rule, due, following):
    made = make(rule, selection=Selection(namespace="web"), priority=3)
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


def test_nothing_due_gives_nothing_and_writes_nothing(make, tick, admin):
    make(every(HOUR, NOW + HOUR))
    before = admin.execute("SELECT tenant_id, claimed_at FROM scheduler.tenants ORDER BY 1").fetchall()
    assert tick(NOW) == []
    assert (
        admin.execute("SELECT tenant_id, claimed_at FROM scheduler.tenants ORDER BY 1").fetchall() == before
    )


def test_a_trigger_whose_tenant_another_claimer_serves_waits_for_it(database, make, tick, ledger):
    make(every(HOUR))
    with database.begin_system() as other:
        assert len(claim(other, "there", NOW)) == 1
        assert tick(NOW) == []
    assert len(ledger()) == 1


def test_a_schedule_that_is_being_edited_fires_when_the_edit_is_done(database, make, tick, ledger):
    make(every(HOUR))
    make(every(HOUR), name="other")
    with database.begin("acme") as editor:
        editor.schedules.lock("acme", "nightly")
        tick(NOW)
        assert [run.schedule_name for run in ledger()] == ["other"]
    tick(NOW + SECOND)
    assert sorted(run.schedule_name for run in ledger()) == ["nightly", "other"]


def test_a_trigger_that_is_being_changed_by_hand_is_left_until_that_is_done(
    database, make, tick, ledger, admin
):
    """Edits of ours lock its schedule first; without a lock of its own a claim would overwrite what SQL says."""
    make(every(HOUR), CronRule("0 * * * *"), at=NOW - SECOND)
    with psycopg.connect(admin.info.dsn) as editor:
        editor.execute("UPDATE scheduler.triggers SET enabled = false WHERE kind = 'interval'")
        with database.begin_system() as store:
            store.retention.limit_waiting(SECOND)
            claim(store, "here", NOW)
        assert [run.trigger_kind for run in ledger()] == [TriggerKind.CRON]
    assert tick(NOW + SECOND) == []
    assert [run.trigger_kind for run in ledger()] == [TriggerKind.CRON]


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
    make(OnceRule(datetime(2100, 1, 1, tzinfo=UTC)))
    with database.begin("acme") as store:
        if edit == "pause":
            pause_schedule(store, "acme", "nightly", "holidays", "ann")
        else:
            delete_schedule(store, "acme", "nightly", "ann")
    assert tick(datetime(2100, 1, 2, tzinfo=UTC)) == []
    assert ledger() == []


@pytest.mark.parametrize(("edit", "reason"), [("pause", "paused"), ("delete", "deleted")])
def test_what_was_due_when_a_schedule_stopped_is_accounted_for(
    database, make, tick, ledger, admin, edit, reason
):
    make(every(24 * HOUR), CronRule("0 12 * * *"), OnceRule(NOW), catch_up=CatchUp.ALL)
    with database.begin("acme") as store:
        if edit == "pause":
            pause_schedule(store, "acme", "nightly", "holidays", "ann")
        else:
            delete_schedule(store, "acme", "nightly", "ann")
        days = (store.now() - NOW).days
    rows = ledger()
    assert {(run.state, run.reason, run.requested_by) for run in rows} == {(RunState.SKIPPED, reason, "ann")}
    last = NOW + days * 24 * HOUR
    accounted = {(run.trigger_kind, run.skipped_count, run.skipped_first, run.skipped_last) for run in rows}
    assert accounted == {
        (TriggerKind.INTERVAL, days + 1, NOW, last),
        (TriggerKind.CRON, days, NOW + 24 * HOUR, last),
        (TriggerKind.ONCE, 1, NOW, NOW),
    }
    assert next_fires(admin) == [None] * 3
    assert (
        sum(count for (count,) in admin.execute("SELECT misfire_count FROM scheduler.triggers"))
        == 2 * days + 2
    )


def test_a_resumed_schedule_never_fires_the_past(database, make, tick, ledger, admin):
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    make(every(HOUR, long_ago), CronRule("0 * * * *"), at=long_ago, catch_up=CatchUp.ALL)
    with database.begin("acme") as store:
        pause_schedule(store, "acme", "nightly", "", "ann")
        resume_schedule(store, "acme", "nightly", "ann")
        resumed_at = store.now()
    assert min(next_fires(admin)) > resumed_at - SECOND
    assert tick(min(next_fires(admin)) - SECOND) == []
    assert {(run.state, run.reason) for run in ledger()} == {(RunState.SKIPPED, "paused")}
    offers = tick(min(next_fires(admin)))
    fired = [run for run in ledger() if run.state is not RunState.SKIPPED]
    assert {run.id for run in fired} == {run for offer in offers for run in offer.runs}
    assert {run.scheduled_for >= resumed_at - SECOND for run in fired} == {True}


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


def test_a_condition_that_makes_no_sense_stops_its_schedule_alone(make, tick, ledger, start, finish, admin):
    """A constraint refuses it by now; a row of before it may still say so."""
    make(every(HOUR), only_if={"report_older_than_days": 7})
    make(every(HOUR), name="theirs", tenant="globex")
    start(tick(NOW), NOW)
    finish(ledger()[0], NOW + SECOND)
    admin.execute("ALTER TABLE scheduler.schedules DROP CONSTRAINT conditions_are_readable")
    bad = """UPDATE scheduler.schedules SET only_if = '{"report_older_than_days": "7"}' WHERE tenant_id = 'acme'"""
    admin.execute(bad)
    tick(NOW + HOUR)
    assert states(ledger("globex")) == [("running", NOW), ("queued", NOW + HOUR)]
    assert states(ledger()) == [("completed", NOW), ("skipped", NOW + HOUR)]
    assert ledger()[1].reason.startswith("invalid only_if:report_older_than_days: ")
    assert next_fires(admin) == [NOW + 2 * HOUR] * 2


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


def test_without_catch_up_nothing_missed_fires_and_the_newest_missed_one_does_with_latest(make, tick, ledger):
    make(every(HOUR), name="none", catch_up=CatchUp.NONE)
    make(every(HOUR), name="latest", catch_up=CatchUp.LATEST)
    tick(NOW + 2 * HOUR + 10 * MINUTE)
    by_name = {
        name: [
            (run.state.value, run.scheduled_for, run.skipped_count)
            for run in ledger()
            if run.schedule_name == name
        ]
        for name in ("none", "latest")
    }
    assert by_name == {
        "none": [("skipped", NOW, 3)],
        "latest": [("skipped", NOW, 2), ("queued", NOW + 2 * HOUR, None)],
    }


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
        return [
            admin.execute(f"SELECT * FROM scheduler.{table} ORDER BY 1, 2").fetchall() for table in tables
        ]

    before = snapshot()

    def half_a_tick():
        with database.begin_system() as store:
            assert len(claim(store, "here", NOW)) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_a_tick()
    assert snapshot() == before
    assert len(tick(NOW)) == 1
    assert states(ledger()) == [("queued", NOW)]


def test_kinds_of_triggers_are_named_in_the_ledger(make, tick, ledger):
    make(every(HOUR), CronRule("0 * * * *"), OnceRule(NOW + HOUR))
    tick(NOW + HOUR)
    assert {run.trigger_kind for run in ledger()} == {
        TriggerKind.INTERVAL,
        TriggerKind.CRON,
        TriggerKind.ONCE,
    }
