"""Every edit is audited in its transaction: each public function of the edits and inputs that takes an actor."""

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from tempfile import mkdtemp
from typing import Any
from zipfile import ZipFile

import pytest

from resources.ids import new_id
from resources.protocols.audit import ENTITIES
from resources.records import Run
from resources.states import JobKind, LockStrategy
from scheduler_defs import edits, inputs
from scheduler_defs.edits.calendars import NewCalendar, create_calendar
from scheduler_defs.edits.runs import request_run
from scheduler_defs.edits.schedules import NewSchedule, create_schedule, delete_schedule, pause_schedule
from scheduler_defs.edits.triggers import pause_trigger
from scheduler_defs.engines.policy import load_default_policy
from scheduler_defs.inputs.sboms import Placement, ingest_sbom
from scheduler_defs.timing.rules import CronRule

ACTOR = "auditor"
EXAMPLES = Path(__file__).parents[2] / "examples"
SBOM, ADVISORIES = EXAMPLES / "shop.cdx.json", EXAMPLES / "advisories.osv.jsonl"
OTHER_POLICY = load_default_policy().replace("description: ", "description: Ours. ")
HOURLY, DAILY = CronRule("0 * * * *", "UTC"), CronRule("0 9 * * *", "UTC")
PARTS = {"follow_name", "keep_version", "unplan"}
"""What edits share; no edits themselves."""
SUNDAYS = NewCalendar("sundays", [{"weekdays": ["sun"]}])
NEW = NewSchedule("weekly", JobKind.GRAPH, [HOURLY])


@dataclass(frozen=True)
class Case:
    """How to call an edit, and what its entries say: action, entity, and whether there are old and new values."""

    call: Callable[[Callable[..., Any], Any, Run], Any]
    says: tuple[tuple[str, str, bool, bool], ...]


def case(call, *says):
    return Case(call, says)


def vex_document():
    path = Path(mkdtemp()) / "shop.vex.json"
    statement = {"vulnerability": "CVE-2026-1", "products": ["pkg:npm/a"], "status": "fixed"}
    document = {"@context": "https://openvex.dev/ns", "timestamp": "2026-01-01T00:00:00Z"}
    path.write_text(json.dumps(document | {"statements": [statement]}))
    return path


def zipped(document):
    path = Path(mkdtemp()) / "documents.zip"
    with ZipFile(path, "w") as archive:
        archive.write(document, document.name)
    return path


def kev_document():
    path = Path(mkdtemp()) / "kev.json"
    listed = [{"cveID": "CVE-2026-1000", "dateAdded": "2026-01-01"}]
    document = {"catalogVersion": "1", "dateReleased": "2026-01-01T00:00:00Z", "vulnerabilities": listed}
    path.write_text(json.dumps(document))
    return path


def epss_document():
    path = Path(mkdtemp()) / "epss.csv"
    first = "#model_version:v1,score_date:2026-01-01T00:00:00+0000"
    path.write_text(f"{first}\ncve,epss,percentile\nCVE-2026-1000,0.5,0.9\n")
    return path


def trigger_of(store, name):
    (trigger,) = store.triggers.list_of_schedule("acme", store.schedules.get_by_name("acme", name).id)
    return trigger.id


def plant_image(store, tenant):
    place = {
        "registry": "",
        "repository": "old",
        "digest": None,
        "tag": "1",
        "namespace": "web",
        "labels": {},
    }
    image = store.images.upsert(tenant_id=tenant, now=store.now(), **place)
    counts = {"component_count": 1, "dependency_count": 0}
    document = {"digest": "0" * 64, "spec_version": "1.6", "serial_number": None, "content": b""}
    sbom_id = store.images.add_sbom(image, actor="tests", now=store.now(), **counts, **document)
    store.images.set_sbom(image, sbom_id, store.now())


def ended(store, run):
    store.runs.cancel(run, "", store.now())
    return store.runs.get(run.tenant_id, run.id)


CASES = {
    "create_schedule": case(
        lambda edit, store, _: edit(store, "acme", NEW, ACTOR), ("create", "schedule", False, True)
    ),
    "add_trigger": case(
        lambda edit, store, _: edit(store, "acme", "nightly", HOURLY, ACTOR),
        ("add_trigger", "schedule", True, True),
    ),
    "pause_schedule": case(
        lambda edit, store, _: edit(store, "acme", "nightly", "freeze", ACTOR),
        ("pause", "schedule", True, True),
    ),
    "resume_schedule": case(
        lambda edit, store, _: edit(store, "acme", "paused", ACTOR), ("resume", "schedule", True, True)
    ),
    "delete_schedule": case(
        lambda edit, store, _: edit(store, "acme", "nightly", ACTOR), ("delete", "schedule", True, False)
    ),
    "restore_schedule": case(
        lambda edit, store, _: edit(store, "acme", "gone", ACTOR), ("restore", "schedule", True, True)
    ),
    "edit_schedule": case(
        lambda edit, store, _: edit(store, "acme", "nightly", {"priority": 7}, ACTOR),
        ("edit", "schedule", True, True),
    ),
    "edit_trigger": case(
        lambda edit, store, _: edit(store, "acme", "nightly", trigger_of(store, "nightly"), DAILY, ACTOR),
        ("edit_trigger", "schedule", True, True),
    ),
    **{
        f"{verb}_trigger": case(
            lambda edit, store, _, name=name: edit(store, "acme", name, trigger_of(store, name), ACTOR),
            (f"{verb}_trigger", "schedule", True, True),
        )
        for verb, name in (("remove", "nightly"), ("pause", "nightly"), ("resume", "stopped"))
    },
    "trigger_schedule": case(
        lambda edit, store, _: edit(store, "acme", "nightly", ACTOR), ("trigger", "schedule", False, True)
    ),
    "request_run": case(
        lambda edit, store, _: edit(store, "acme", JobKind.GRAPH, ACTOR), ("start", "run", False, True)
    ),
    "retry_run": case(
        lambda edit, store, run: edit(store, ended(store, run), ACTOR), ("retry", "run", True, True)
    ),
    "repeat_run": case(
        lambda edit, store, run: edit(store, ended(store, run), ACTOR), ("repeat", "run", True, True)
    ),
    "release_lock": case(
        lambda edit, store, _: edit(store, "held", ACTOR), ("force_release", "lock", True, False)
    ),
    "drain_worker": case(
        lambda edit, store, _: edit(store, store.workers.list().items[0], ACTOR),
        ("drain", "worker", True, True),
    ),
    "cancel_run": case(lambda edit, store, run: edit(store, run, ACTOR), ("cancel", "run", True, True)),
    "create_calendar": case(
        lambda edit, store, _: edit(store, "acme", SUNDAYS, ACTOR), ("create", "calendar", False, True)
    ),
    "edit_calendar": case(
        lambda edit, store, _: edit(store, "acme", "freeze", {"timezone": "Asia/Tokyo"}, ACTOR),
        ("edit", "calendar", True, True),
    ),
    "delete_calendar": case(
        lambda edit, store, _: edit(store, "acme", "freeze", ACTOR), ("delete", "calendar", True, False)
    ),
    "create_tenant": case(
        lambda edit, store, _: edit(store, "initech", ACTOR),
        ("create", "tenant", False, True),
        ("apply", "policy", False, True),
    ),
    "apply_policy": case(
        lambda edit, store, _: edit(store, "acme", "mine", OTHER_POLICY, ACTOR),
        ("apply", "policy", True, True),
    ),
    "ingest_sbom": case(
        lambda edit, database, _: edit(database, "acme", SBOM, Placement(), ACTOR),
        ("create", "image", False, True),
        ("ingest", "sbom", False, True),
    ),
    "remove_policy": case(
        lambda edit, store, _: edit(store, "acme", "default", ACTOR), ("remove", "policy", True, False)
    ),
    "remove_image": case(
        lambda edit, store, _: edit(store, store.images.find_named("acme", "old", 1)[0], ACTOR),
        ("remove", "image", True, False),
    ),
    "ingest_sboms": case(
        lambda edit, database, _: edit(database, "acme", zipped(SBOM), Placement(), ACTOR),
        ("create", "image", False, True),
        ("ingest", "sbom", False, True),
    ),
    "ingest_vex_documents": case(
        lambda edit, database, _: edit(database, "acme", zipped(vex_document()), ACTOR),
        ("ingest", "vex", False, True),
    ),
    "ingest_vex": case(
        lambda edit, database, _: edit(database, "acme", vex_document(), ACTOR),
        ("ingest", "vex", False, True),
    ),
    "ingest_epss": case(
        lambda edit, database, _: edit(database, epss_document(), ACTOR), ("ingest", "exploits", False, True)
    ),
    "ingest_kev": case(
        lambda edit, database, _: edit(database, kev_document(), ACTOR), ("ingest", "exploits", False, True)
    ),
    "ingest_advisories": case(
        lambda edit, database, _: edit(database, ADVISORIES, ACTOR), ("ingest", "feed", False, True)
    ),
}


def functions_that_take_an_actor():
    for package in (edits, inputs):
        for module in iter_modules(package.__path__, f"{package.__name__}."):
            for name, function in inspect.getmembers(import_module(module.name), inspect.isfunction):
                ours = function.__module__ == module.name and name not in PARTS and not name.startswith("_")
                if ours and "actor" in inspect.signature(function).parameters:
                    yield name, function


EDITS = dict(functions_that_take_an_actor())


@pytest.fixture
def run(database, tenant):
    """A run, a held lock, a worker, a calendar, an image; schedules: new, paused, deleted, with a trigger paused."""
    with database.begin_system() as store:
        store.locks.try_acquire("held", "me", LockStrategy.LEASE, timedelta(minutes=1), store.now())
        store.workers.register(
            new_id(),
            host="here",
            pid=1,
            kinds=[JobKind.GRAPH],
            capacity=1,
            version="1",
            dagster_run_id=None,
            now=store.now(),
        )
    with database.begin(tenant) as store:
        for name in ("nightly", "paused", "gone", "stopped"):
            create_schedule(store, tenant, NewSchedule(name, JobKind.GRAPH, [HOURLY]), "tests")
        create_calendar(store, tenant, NewCalendar("freeze", [{"date": "2026-12-25"}]), "tests")
        plant_image(store, tenant)
        pause_schedule(store, tenant, "paused", "", "tests")
        delete_schedule(store, tenant, "gone", "tests")
        pause_trigger(store, tenant, "stopped", trigger_of(store, "stopped"), "tests")
        return store.runs.get(tenant, request_run(store, tenant, JobKind.GRAPH, "tests"))


@pytest.fixture
def carry_out(database, run):
    """Calls an edit in a transaction of its own; returns the transaction's correlation id, where that is ours."""

    def carry_out(name):
        edit = EDITS[name]
        if next(iter(inspect.signature(edit).parameters)) == "database":
            CASES[name].call(edit, database, run)
            return None
        with database.begin_system() as store:
            CASES[name].call(edit, store, run)
            return store.correlation_id

    return carry_out


@pytest.fixture
def contents(admin):
    """Every row of every table but the audit's and its queue's, and what imports read so far, as text."""

    def read():
        tables = admin.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname IN ('scheduler', 'inventory')"
        ).fetchall()
        return {
            table: sorted(text for (text,) in admin.execute(f"SELECT t::text FROM {table} AS t"))
            for (table,) in tables
            if not table.startswith(("scheduler.audit", "inventory.advisory_imports", "inventory.staged"))
        }

    return read


def entries(database):
    with database.begin_system() as store:
        return [entry for entry in reversed(store.audit.list_all(limit=1000).items) if entry.actor == ACTOR]


def test_every_edit_has_a_case():
    assert set(EDITS) == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_an_edit_says_who_did_what_in_which_request(database, carry_out, contents, name):
    before = contents()
    correlation_id = carry_out(name)
    assert contents() != before
    found = entries(database)
    said = [(one.action, one.entity, one.old is not None, one.new is not None) for one in found]
    assert said == list(CASES[name].says)
    assert {one.entity for one in found} <= {*ENTITIES}
    assert len({one.correlation_id for one in found}) == 1
    assert correlation_id in (None, found[0].correlation_id)
    assert all(one.entity_id for one in found)
    feeds = ("ingest_advisories", "ingest_epss", "ingest_kev")
    of_none = {key: {None} for key in (*feeds, "release_lock", "drain_worker")}
    whose = {"create_tenant": {"initech"}} | of_none
    assert {one.tenant_id for one in found} == whose.get(name, {"acme"})


@pytest.mark.parametrize("name", CASES)
def test_an_edit_whose_audit_fails_is_not_done(database, carry_out, contents, admin, name):
    admin.execute("""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the disk is full'; END $$;
        CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON scheduler.audit DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION refuse();
    """)
    before = contents()
    with pytest.raises(Exception, match="the disk is full"):
        carry_out(name)
    assert contents() == before
    assert entries(database) == []


def test_an_image_placed_elsewhere_is_audited_though_its_sbom_is_unchanged(database, tenant):
    ingest_sbom(database, tenant, SBOM, Placement(), ACTOR)
    ingest_sbom(database, tenant, SBOM, Placement(labels={"tier": "prod"}), ACTOR)
    ingest_sbom(database, tenant, SBOM, Placement(labels={"tier": "prod"}), ACTOR)
    *_, edited = found = entries(database)
    assert len(found) == 3
    assert (edited.action, edited.entity, edited.old["labels"], edited.new["labels"]) == (
        *("edit", "image", {}, {"tier": "prod"}),
    )


@pytest.mark.parametrize("name", ["pause_schedule", "resume_schedule"])
def test_what_changes_nothing_says_nothing(database, carry_out, name):
    carry_out(name)
    carry_out(name)
    assert len(entries(database)) == 1
