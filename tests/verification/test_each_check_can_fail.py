"""Each check in turn, on a database of which one thing is broken that it has to notice."""

import re
from dataclasses import replace
from datetime import timedelta
from functools import cached_property

import pytest

from resources.store import Store
from scheduler_defs.verification import crud, triggers, verify
from scheduler_defs.verification.check import Outcome, run_check
from scheduler_defs.verification.transitions import LAUNCHES, check_machine

THIS_MONTH = """
    DO $$ BEGIN
        EXECUTE 'DROP TABLE scheduler.execution_logs_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMM');
    END $$"""
LEAVES_NOTHING = "nothing is left"


def loses(what, table):
    """Silently lets every write of a kind to a table come to nothing."""
    return f"""
        CREATE FUNCTION public.lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER lose BEFORE {what} ON {table} FOR EACH ROW EXECUTE FUNCTION public.lose()"""


BROKEN = {
    "schema: migrations": [
        (
            "DELETE FROM scheduler.applied_migrations WHERE revision LIKE '0003%'",
            "not recorded as applied: 0003",
        ),
        (
            f"UPDATE scheduler.applied_migrations SET sha256 = '{'0' * 64}' WHERE revision LIKE '0004%'",
            "differ .*0004",
        ),
    ],
    "schema: catalog": [
        ("DROP POLICY system_rows ON scheduler.triggers", "changed: scheduler.triggers"),
        ("DROP INDEX scheduler.runs_by_kind", "changed: scheduler.runs"),
        ("ALTER TABLE scheduler.runs DROP CONSTRAINT retry_is_another_run", "changed: scheduler.runs"),
        ("GRANT DELETE ON scheduler.audit TO scheduler_system", "changed: scheduler.audit"),
        ("DROP TABLE inventory.vex_statements", "missing: inventory.vex_statements"),
        ("CREATE TABLE scheduler.more (a integer)", "not of the migrations: scheduler.more"),
        ("DROP VIEW scheduler.ledger", "changed: Views"),
    ],
    "schema: log partitions": [(THIS_MONTH, "1 months have no log partition")],
    "repository: tenants": [
        ("CREATE POLICY hole ON scheduler.tenants TO scheduler_tenant USING (true)", "tenants it sees"),
    ],
    "repository: schedules": [
        ("DROP INDEX scheduler.schedules_name", "a second schedule of one name was not refused"),
        (loses("UPDATE", "scheduler.schedules"), "it cannot become edited"),
        (loses("INSERT", "scheduler.schedule_labels"), "schedules with the label"),
    ],
    "repository: triggers": [(loses("UPDATE", "scheduler.triggers"), "IllegalTransition")],
    "repository: trigger_events": [
        (loses("INSERT", "scheduler.trigger_events"), "events that wait: found \\[\\]")
    ],
    "repository: calendars": [
        (loses("INSERT", "scheduler.calendar_versions"), "versions kept: found \\[\\]")
    ],
    "repository: runs": [
        (loses("UPDATE", "scheduler.runs"), "StaleAttempt"),
        ("REVOKE UPDATE ON scheduler.runs FROM scheduler_tenant", "permission denied"),
    ],
    "repository: launches": [(loses("UPDATE", "scheduler.launches"), "offers: found \\[\\]")],
    "repository: workers": [(loses("UPDATE", "scheduler.workers"), "IllegalTransition")],
    "repository: graph_jobs": [(loses("INSERT", "scheduler.graph_jobs"), "items: found \\[\\]")],
    "repository: policy_jobs": [(loses("INSERT", "scheduler.policy_jobs"), "items: found \\[\\]")],
    "repository: notifications": [
        (loses("UPDATE", "scheduler.notifications"), "notifications due: found \\[\\]"),
    ],
    "repository: execution_logs": [
        (loses("INSERT", "scheduler.execution_logs"), "lines after the first: found \\[\\]"),
    ],
    "repository: run_summaries": [
        (loses("INSERT", "scheduler.run_summaries"), "completed by hour: found \\[\\]")
    ],
    "repository: impact_snapshots": [
        (loses("INSERT", "scheduler.impact_snapshot_images"), "its reasons: found \\[\\]"),
        (
            "ALTER TABLE scheduler.impact_snapshots DROP CONSTRAINT impact_snapshots_tenant_id_run_id_key",
            "constraint",
        ),
    ],
    "repository: locks": [
        (
            "CREATE OR REPLACE FUNCTION scheduler.is_held(lock scheduler.locks, at timestamptz) RETURNS boolean"
            " LANGUAGE sql VOLATILE RETURN false",
            "a second holder",
        ),
    ],
    "repository: retention": [(loses("DELETE", "scheduler.runs"), "runs pruned: found 0")],
    "repository: images": [(loses("UPDATE", "inventory.images"), "no selection finds the image")],
    "repository: advisories": [(loses("INSERT", "inventory.advisories"), "ForeignKeyViolation")],
    "repository: imports": [
        (
            loses("INSERT", "inventory.staged_advisories"),
            "advisories added, changed and older: found \\(0, 0, 0\\)",
        ),
        (loses("INSERT", "inventory.quarantine"), "records left out: found \\[\\]"),
    ],
    "repository: tenant_quarantine": [
        (loses("INSERT", "inventory.tenant_quarantine"), "records left out: found \\[\\]"),
        (loses("DELETE", "inventory.tenant_quarantine"), "records left out: found \\["),
    ],
    "repository: policies": [
        (loses("INSERT", "inventory.policy_revisions"), "policies of a new tenant: found 0")
    ],
    "repository: vex": [(loses("INSERT", "inventory.vex_statements"), "new statements: found 0")],
    "repository: exploits": [
        (loses("INSERT", "inventory.epss_scores"), "scores a tenant reads: found \\[\\]"),
        (loses("DELETE", "inventory.known_exploited"), "what is left listed: found \\["),
    ],
    "repository: findings": [(loses("UPDATE", "inventory.findings"), "findings left open")],
    "repository: audit": [(loses("INSERT", "scheduler.audit"), "entries found: found 0")],
    "repository: audit_seals": [
        ("DROP TRIGGER queue_for_sealing ON scheduler.audit", "entries were not queued"),
        (loses("INSERT", "scheduler.audit_seals"), "links: found 0"),
    ],
    "repository: fire_audit": [
        (
            "ALTER TABLE scheduler.runs DROP CONSTRAINT one_row_an_occurrence",
            "no unique or exclusion constraint",
        ),
        (loses("INSERT", "scheduler.schedule_versions"), "versions: found \\[\\]"),
    ],
    **{
        f"transitions: {table}": [
            (
                f"DROP TRIGGER legal_edges ON scheduler.{table}",
                f"scheduler.{table}: .* was (not refused|refused only)",
            ),
            (
                loses("UPDATE", f"scheduler.{table}"),
                f"scheduler.{table} after pending|cannot become acknowledged",
            ),
        ]
        for table in ("runs", "launches", "graph_jobs", "policy_jobs")
    },
    "locks: lease": [
        (
            "CREATE OR REPLACE FUNCTION scheduler.is_held(lock scheduler.locks, at timestamptz) RETURNS boolean"
            " LANGUAGE sql VOLATILE RETURN false",
            "holders of one lease: found [234]",
        ),
        (
            "DROP TRIGGER token_grows ON scheduler.locks; ALTER SEQUENCE scheduler.fencing_tokens INCREMENT BY -1"
            " MINVALUE -1000000 RESTART 1000",
            "token",
        ),
    ],
    "locks: advisory": [
        (
            "CREATE OR REPLACE FUNCTION scheduler.advisory_key(key text) RETURNS bigint LANGUAGE sql VOLATILE"
            " RETURN (random() * 1e15)::bigint",
            "holders of one advisory: found [234]",
        ),
    ],
    "claims: fires": [
        (
            "ALTER TABLE scheduler.runs DROP CONSTRAINT one_row_an_occurrence",
            "no unique or exclusion constraint",
        ),
        (loses("UPDATE", "scheduler.runs"), "launches of their own"),
    ],
    "claims: launches": [(loses("UPDATE", "scheduler.launches"), "launches offered: found \\[\\]")],
    "claims: work items": [(loses("UPDATE", "scheduler.graph_jobs"), "items claimed")],
    "jobs: graph": [(loses("INSERT", "scheduler.graph_jobs"), "its work items: found \\[\\]")],
    "jobs: impact": [
        (loses("INSERT", "inventory.advisory_ranges"), "why the image is affected: found \\[\\]")
    ],
    "jobs: policy": [(loses("INSERT", "inventory.findings"), "findings: found \\[\\]")],
    "isolation: reads": [
        (
            "CREATE POLICY hole ON scheduler.calendars FOR SELECT TO scheduler_tenant USING (true)",
            "scheduler.calendars: another tenant sees 1 rows",
        ),
        ("ALTER TABLE inventory.sboms DISABLE ROW LEVEL SECURITY", "inventory.sboms: another tenant sees"),
    ],
    "isolation: writes": [
        (
            "CREATE POLICY hole ON inventory.image_components TO scheduler_tenant USING (true)",
            "inventory.image_components: another tenant deleted 3 rows",
        ),
        (
            "ALTER POLICY tenant_rows ON scheduler.triggers USING (true) WITH CHECK (true)",
            "scheduler.triggers: another tenant changed 1 rows",
        ),
    ],
    "isolation: inserts": [
        (
            "ALTER POLICY tenant_rows ON inventory.policies WITH CHECK (true)",
            "inventory.policies: another tenant may add rows",
        ),
        (
            "CREATE POLICY hole ON scheduler.audit FOR INSERT TO scheduler_tenant WITH CHECK (true)",
            "scheduler.audit: another tenant may add rows",
        ),
    ],
    "isolation: no tenant": [
        (
            "CREATE OR REPLACE FUNCTION scheduler.current_tenant() RETURNS text LANGUAGE sql STABLE"
            " RETURN current_setting('scheduler.tenant', true)",
            "0 rows were seen without a tenant",
        ),
    ],
}
OF_CODE = {"triggers: cron", "triggers: interval and once", LEAVES_NOTHING}
CASES = [(name, change, said) for name, cases in BROKEN.items() for change, said in cases]


def checked(name, bench):
    return run_check(name, dict(verify.checks())[name], bench)


def test_every_check_is_broken_here():
    assert {*BROKEN, *OF_CODE} == {name for name, _ in verify.checks()} | {LEAVES_NOTHING}


@pytest.mark.parametrize(
    ("name", "change", "said"), CASES, ids=[f"{n}-{i}" for i, (n, _, _) in enumerate(CASES)]
)
def test_a_check_notices_what_is_broken(bench, admin, name, change, said):
    assert checked(name, bench).outcome is Outcome.PASSED
    admin.execute(change)
    check = checked(name, bench)
    assert check.outcome is Outcome.FAILED
    assert re.search(said, check.detail), check.detail


@pytest.mark.parametrize("name", ["triggers: cron", "triggers: interval and once"])
def test_firing_that_differs_from_auditing_is_noticed(bench, monkeypatch, name):
    fires = triggers.fires
    monkeypatch.setattr(
        triggers,
        "fires",
        lambda *asked: [*fires(*asked)[:-1], *(at + timedelta(seconds=1) for at in fires(*asked)[-1:])],
    )
    check = checked(name, bench)
    assert check.outcome is Outcome.FAILED
    assert "firing and auditing differ" in check.detail


def test_a_repository_without_a_check_is_noticed(bench, monkeypatch):
    monkeypatch.setattr(Store, "new_ones", cached_property(lambda store: None), raising=False)
    assert [name for name, _ in crud.checks()][-1] == "repository: new_ones"
    check = checked("repository: new_ones", bench)
    assert check.outcome is Outcome.FAILED
    assert check.detail.startswith("repository new_ones has no check")


def test_an_edge_that_nobody_knows_a_way_for_is_noticed(bench):
    check = run_check("launches", lambda bench: check_machine(replace(LAUNCHES, ways={}), bench), bench)
    assert check.outcome is Outcome.FAILED
    assert "no way from offered to" in check.detail


def test_what_is_left_is_noticed(bench, admin):
    assert checked("locks: lease", bench).outcome is Outcome.PASSED
    last = run_check(LEAVES_NOTHING, verify.check_nothing_left, bench)
    assert (last.outcome, last.detail) == (Outcome.PASSED, "1 scratch tenants are gone from 28 tables")
    admin.execute(loses("DELETE", "scheduler.tenants"))
    assert checked("locks: lease", bench).outcome is Outcome.PASSED
    last = run_check(LEAVES_NOTHING, verify.check_nothing_left, bench)
    assert last.outcome is Outcome.FAILED
    assert last.detail == f"scheduler.tenants: 1 rows of {bench.committed[-1]} are left"
    admin.execute("DROP TRIGGER lose ON scheduler.tenants")
