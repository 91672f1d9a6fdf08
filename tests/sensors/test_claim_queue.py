"""What a claim launches and offers, for whom first, and what a tick costs."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Thread
from uuid import UUID

import psycopg
import pytest

from resources.queries import load
from resources.states import JobKind, LaunchState, RunState
from resources.store import Store
from scheduler_defs.edits.runs import cancel_run, request_run
from scheduler_defs.sensors.claim import OFFER_LEASE, OFFERS_A_CLAIM, RUNS_A_TICK, TENANTS_A_TICK, claim
from scheduler_defs.timing.rules import IntervalRule

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def every(interval, anchor=NOW):
    return IntervalRule(interval, anchor)


def states(runs):
    return [(run.state.value, run.scheduled_for) for run in runs]


def all_runs(offers) -> list[UUID]:
    return sorted(run for offer in offers for run in offer.runs)


def test_a_tenants_limit_holds_back_runs_not_fires(make, tick, ledger, start, finish, admin):
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
    tick(NOW + 3 * MINUTE)
    assert Counter(run.state for run in ledger())[RunState.PENDING] == 2


def test_a_run_that_is_not_available_yet_is_not_launched(database, tick, ledger, tenant, admin):
    with database.begin_system() as store:
        later, sooner = (request_run(store, "acme", JobKind.GRAPH, "ann") for _ in range(2))
    admin.execute("UPDATE scheduler.runs SET available_at = %s WHERE id = %s", [NOW + HOUR, later])
    admin.execute("UPDATE scheduler.runs SET available_at = %s WHERE id = %s", [NOW, sooner])
    assert all_runs(tick(NOW)) == [sooner]
    assert tick(NOW + SECOND) == []
    assert {run.id: run.state for run in ledger()} == {sooner: RunState.QUEUED, later: RunState.PENDING}
    assert later in all_runs(tick(NOW + HOUR))


def test_many_runs_of_one_tenant_do_not_keep_another_tenants_run_from_a_launch(tick, ledger, tenant, plant):
    plant.pending(plant.tenants(5), RUNS_A_TICK // 4)
    plant.pending(["acme"], 1, "policy", "full")
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
        waiting = (
            "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        while not admin.execute(waiting).fetchall():
            assert claimer.is_alive()
    claimer.join()
    assert offers == [[]]
    assert [run.state for run in ledger()] == [RunState.CANCELLED]
    assert admin.execute("SELECT count(*) FROM scheduler.launches WHERE state = 'offered'").fetchone() == (0,)


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


def test_many_pending_runs_share_launches(tick, plant):
    plant.pending(plant.tenants(10), 20)
    offers = tick(NOW)
    assert [offer.run_count for offer in offers] == [50] * 4
    assert len(set(all_runs(offers))) == 200


def test_offers_of_a_tick_are_bounded_and_none_is_forgotten(tick, plant):
    (name,) = plant.tenants(1)
    launches = set()
    for _ in range(OFFERS_A_CLAIM // 4 + 1):
        plant.pending([name], 4)
        launches |= {offer.id for offer in tick(NOW)}
    again, rest = tick(NOW + OFFER_LEASE), tick(NOW + OFFER_LEASE)
    assert (len(again), len(rest)) == (OFFERS_A_CLAIM, 4)
    assert {offer.id for offer in [*again, *rest]} == launches


@pytest.mark.parametrize(("schedules", "triggers"), [(3000, 1), (1, 3000)])
def test_a_tenant_with_thousands_due_does_not_keep_another_from_the_first_tick(
    tick, ledger, admin, tenant, schedules, triggers, plant
):
    plant.due(["acme"], schedules, triggers, due=NOW - 10 * MINUTE)
    plant.due(["globex"])
    offers = tick(NOW)
    (run,) = ledger("globex")
    assert run.id in all_runs(offers)
    counts = [_count_of_acme(admin)]
    while counts[-1] < 3000 and len(counts) < 25:
        tick(NOW)
        counts.append(_count_of_acme(admin))
    assert 0 < counts[0] < 3000
    assert counts[-1] == 3000


def _count_of_acme(admin):
    return admin.execute("SELECT count(*) FROM scheduler.runs WHERE tenant_id = 'acme'").fetchone()[0]


def test_those_served_longest_ago_are_served_first(tick, admin, plant):
    names = plant.tenants(TENANTS_A_TICK + 50)
    plant.due(names)
    served = partial(_served, admin)
    tick(NOW)
    assert served() == names[:TENANTS_A_TICK]
    tick(NOW + HOUR)
    late_ones, again = names[TENANTS_A_TICK:], names[: TENANTS_A_TICK - 50]
    assert served() == [*again, *late_ones]
    tick(NOW + HOUR)
    assert served() == names[TENANTS_A_TICK - 50 : TENANTS_A_TICK]


def _served(admin):
    """The tenants with a run since the last call; the mark passes the trigger that keeps ended runs."""
    admin.execute("SET session_replication_role = replica")
    rows = admin.execute(
        """
        WITH seen AS (UPDATE scheduler.runs SET requested_by = 'seen' WHERE requested_by <> 'seen' RETURNING tenant_id)
        SELECT DISTINCT tenant_id FROM seen ORDER BY 1
        """
    )
    return [row[0] for row in rows]


def test_a_thousand_fires_cost_no_more_statements_than_one(settings, plant):
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

    names = plant.tenants(50)
    plant.due(names[:1])
    one = cost(NOW)
    plant.due(names, schedules=20, due=NOW + SECOND)
    many = cost(NOW + SECOND)
    assert (one[1], many[1]) == (1, 1000)
    assert many[0] == one[0] <= 16


@pytest.mark.parametrize("overlap", ["allow", "buffer_all"])
def test_tenants_whose_runs_must_wait_keep_no_fire_waiting(tick, ledger, plant, admin, overlap):
    """They are at their limit, or their runs wait for one another."""
    names = plant.tenants(TENANTS_A_TICK + 2)
    busy, modest = names[1:], names[0]
    plant.due(busy, due=NOW)
    admin.execute("UPDATE scheduler.schedules SET overlap = %s, catch_up = 'all'", [overlap])
    if overlap == "allow":
        admin.execute("UPDATE scheduler.tenants SET max_concurrent_runs = 1")
    for step in range(2):
        tick(NOW + 2 * HOUR + step * SECOND)
    assert Counter(run.state for run in ledger(names[1])) == {RunState.QUEUED: 1, RunState.PENDING: 2}
    last = NOW + 2 * HOUR + MINUTE
    admin.execute("UPDATE scheduler.tenants SET claimed_at = %s WHERE tenant_id = %s", [last, modest])
    plant.due([modest], due=last)
    tick(last)
    assert [run.state for run in ledger(modest)] == [RunState.QUEUED]


def test_tenants_at_their_limit_keep_no_launch_waiting(tick, ledger, plant, admin):
    names = plant.tenants(TENANTS_A_TICK + 2)
    admin.execute("UPDATE scheduler.tenants SET max_concurrent_runs = 1")
    plant.pending(names[1:], 2)
    for step in range(2):
        tick(NOW + step * SECOND)
    admin.execute("UPDATE scheduler.tenants SET claimed_at = %s WHERE tenant_id = 't0000'", [NOW + MINUTE])
    plant.pending(["t0000"], 1)
    tick(NOW + MINUTE)
    assert [run.state for run in ledger("t0000")] == [RunState.QUEUED]
