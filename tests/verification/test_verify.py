"""A whole verification: it passes, leaves nothing, and removes what a killed one left."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from resources import migrations
from resources.errors import SchemaMismatch
from resources.scratch import ABANDONED_AFTER
from resources.settings import SchedulerSettings
from resources.states import JobKind
from scheduler_defs.edits.schedules import NewSchedule, create_schedule
from scheduler_defs.edits.tenants import create_tenant
from scheduler_defs.sensors.claim import claim
from scheduler_defs.timing.rules import EventRule, IntervalRule
from scheduler_defs.verification import verify
from scheduler_defs.verification.check import Check, Outcome
from scheduler_defs.verification.report import Report
from tests.resources.test_external_server import DEBIAN, a_cluster, cluster

__all__ = ["a_cluster", "cluster"]

KILLED = """
import sys
from resources.database import Database
from resources.settings import SchedulerSettings
from scheduler_defs.verification import claims
from scheduler_defs.verification.check import Bench

settings = SchedulerSettings.load()
with Database(settings) as database:
    bench = Bench(settings, database)
    with bench.tenant() as tenant:
        far = claims._far(bench)
        claims._plant_trigger(bench, tenant, far)
        claims._serve(bench, tenant, far)
        claims._plant_items(bench, tenant)
        with database.begin_system() as store:
            store.locks.try_acquire(tenant, "killed", "lease", claims.LEASE, store.now())
        print(tenant, flush=True)
        sys.stdin.readline()
"""
OUTCOMES = {"failed": [], "skipped": []}


def outcomes(report):
    """What did not pass, with its reason."""
    return {
        outcome: [(one.name, one.detail) for one in report.checks if one.outcome == outcome]
        for outcome in OUTCOMES
    }


@pytest.mark.skipif(not DEBIAN, reason="Debian's PostgreSQL is not installed")
@pytest.mark.parametrize("a_cluster", sorted(DEBIAN), indirect=True)
def test_it_passes_on_another_server_as_a_login_that_inherits_nothing(cluster):
    cluster.create_login("scheduler_app", "NOSUPERUSER NOINHERIT CREATEROLE")
    cluster.create_database("app", "scheduler_app")
    external = SchedulerSettings(persistence="postgres", dsn=cluster.url("scheduler_app", "app"))
    migrations.upgrade(external)
    report = verify.verify(external)
    assert outcomes(report) == OUTCOMES
    with cluster.admin("app") as connection:
        assert connection.execute("SELECT count(*) FROM scheduler.tenants").fetchone() == (0,)


def test_what_a_killed_one_left_is_never_fired_and_goes_after_an_hour(
    settings, database, environment, admin, everything
):
    clean = everything()
    with subprocess.Popen(
        [sys.executable, "-c", KILLED],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        left = process.stdout.readline().strip()
        process.send_signal(signal.SIGKILL)
    planted = everything()
    assert {name for name in clean if planted[name] != clean[name]} == {
        *("scheduler.tenants", "scheduler.schedules", "scheduler.triggers", "scheduler.runs"),
        *("scheduler.launches", "scheduler.graph_jobs", "scheduler.locks"),
    }
    with database.begin_system() as store:
        assert claim(store, "a daemon", store.now() + timedelta(days=365)) == []
    assert everything() == planted
    with database.begin_system() as store:
        create_tenant(store, left.replace("-", "_"), "scheduler verify")
    assert verify.remove_abandoned(database) == []
    admin.execute("UPDATE scheduler.tenants SET created_at = created_at - %s", [ABANDONED_AFTER])
    assert verify.remove_abandoned(database) == [left]
    admin.execute("SET ROLE scheduler_owner; DELETE FROM scheduler.audit; RESET ROLE")
    kept = {
        "scheduler.tenants",
        "scheduler.audit_unsealed",
        "inventory.policies",
        "inventory.policy_revisions",
    }
    assert {name for name in clean if everything()[name] != clean[name]} == kept


def test_a_tenant_of_somebody_else_is_never_removed(database, admin):
    with database.begin_system() as store:
        tenant_id = "verify-01234567-89ab-7cde-8f01-23456789abcd"
        create_tenant(store, tenant_id, "ann")
    admin.execute("UPDATE scheduler.tenants SET created_at = created_at - interval '1 year'")
    assert verify.remove_abandoned(database) == []


def test_two_at_once_pass_and_leave_nothing_and_a_pooler_skips_only_the_lock_of_a_session(
    settings, database, pooler, everything, tenant
):
    with database.begin(tenant) as store:
        now = store.now()
        rules = [IntervalRule(timedelta(minutes=1), now), EventRule("advisory_feed")]
        create_schedule(store, tenant, NewSchedule("nightly", JobKind.GRAPH, rules), "tests", now)
    before, told = everything(), []
    with ThreadPoolExecutor(2) as pool:
        other = pool.submit(verify.verify, pooler.settings(settings))
        direct, pooled = pool.submit(verify.verify, settings, told.append).result(), other.result()
    assert everything() == before
    assert outcomes(direct) == OUTCOMES
    ((name, why),) = outcomes(pooled)["skipped"]
    assert (name, why[:16]) == ("locks: advisory", "an advisory lock")
    assert outcomes(pooled)["failed"] == []
    assert told == direct.checks
    names = [name for name, _ in verify.checks()]
    assert [check.name for check in direct.checks] == [*names, "nothing is left"]
    assert direct.counts == {Outcome.PASSED: len(names) + 1, Outcome.FAILED: 0, Outcome.SKIPPED: 0}
    assert direct.versions["schema"] == migrations.status(settings).head
    parts = {"scheduler", "dagster", "psycopg", "python", "postgresql", "tzdata", "schema"}
    assert direct.versions.keys() == parts


def test_a_database_that_is_not_migrated_is_refused(server, make_database):
    settings = SchedulerSettings(
        persistence="postgres", dsn=server.conninfo(make_database("OWNER scheduler"))
    )
    with pytest.raises(SchemaMismatch, match=r"not migrated to .*; run `scheduler db upgrade`"):
        verify.verify(settings)


def test_the_digest_covers_names_outcomes_and_versions_only(settings, database):
    with database.begin_system() as store:
        now = store.now()
    check = Check("a", Outcome.PASSED, 1.0, "seen")
    report = Report(now, 1.0, {"python": "3"}, [check])
    same = Report(now + timedelta(1), 2.0, {"python": "3"}, [Check("a", Outcome.PASSED, 3.0, "else")], ["x"])
    assert report.digest == same.digest
    for other in (
        Report(now, 1.0, {"python": "4"}, [check]),
        Report(now, 1.0, {"python": "3"}, [Check("b", Outcome.PASSED, 1.0, "seen")]),
        Report(now, 1.0, {"python": "3"}, [Check("a", Outcome.SKIPPED, 1.0, "seen")]),
    ):
        assert other.digest != report.digest
    assert "| a | passed | 1.00 | seen |" in report.to_markdown()
    assert report.to_json()["counts"] == {"passed": 1, "failed": 0, "skipped": 0}
    assert report.summary == f"verified: 1 passed, 0 failed, 0 skipped, digest {report.digest}"
