"""The long poll around the claim."""

from datetime import timedelta
from itertools import count
from uuid import UUID

import pytest

from scheduler_defs.sensors.claim import TENANTS_A_TICK, claim_or_wait
from scheduler_defs.timing.rules import OnceRule
from tests.sensors.conftest import NOW
from tests.simulation.clock import at

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def all_runs(offers) -> list[UUID]:
    return sorted(run for offer in offers for run in offer.runs)


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


def test_a_tick_claims_again_while_there_is_more(database, plant):
    names = plant.tenants(TENANTS_A_TICK + 50)
    plant.due(names)
    offers = claim_or_wait(database, "here", patience=HOUR, poll=SECOND, sleep=pytest.fail)
    assert len(all_runs(offers)) == len(names)


def test_waiting_wakes_at_the_next_fire(database, make, admin):
    with database.begin_system() as store:
        now = store.now()
    make(OnceRule(now + HOUR), at=now)
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        admin.execute("UPDATE scheduler.triggers SET next_fire_at = now()")

    assert len(claim_or_wait(database, "here", patience=9 * HOUR, poll=8 * HOUR, sleep=sleep)) == 1
    (seconds,) = slept
    assert HOUR - MINUTE < seconds * SECOND < HOUR


def test_waiting_gives_up_when_its_patience_is_over(database, make):
    with database.begin_system() as store:
        now = store.now()
    make(OnceRule(now + HOUR), at=now)
    slept = []
    assert claim_or_wait(database, "here", patience=timedelta(), poll=SECOND, sleep=slept.append) == []
    assert slept == []
    patience = timedelta(milliseconds=20)
    assert claim_or_wait(database, "here", patience=patience, poll=HOUR, sleep=slept.append) == []
    assert len(slept) > 0
    assert max(slept) <= 0.02


class Clocked:
    """A database whose clock shows one given instant a transaction."""

    def __init__(self, database, instants):
        self._database, self._instants = database, iter(instants)

    def begin_system(self):
        return at(self._database, next(self._instants))


def test_a_clock_that_is_set_back_does_not_prolong_the_waiting(database, tenant):
    slept = []
    shown = [NOW, *(NOW - 3 * HOUR + 0.5 * n * SECOND for n in range(10))]
    found = claim_or_wait(
        Clocked(database, shown), "here", patience=2 * SECOND, poll=0.5 * SECOND, sleep=slept.append
    )
    assert (found, slept) == ([], [0.5] * 4)


def test_the_time_that_claims_take_counts_as_waited(database, tenant):
    slept = []
    clocked = Clocked(database, (NOW + n * SECOND for n in count()))
    claim_or_wait(clocked, "here", patience=3 * SECOND, poll=0.5 * SECOND, sleep=slept.append)
    assert slept == [0.5] * 3
