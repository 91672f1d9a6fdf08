"""The world that hostile tests attack: both tenants have rows in every table, in every state a guard may ask for.

Written by hand-made SQL, so that it depends on no repository. What a row does not name is filled in by its column's
type; every text, id, instant and large number of a tenant is unmistakably its own.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

MINUTE = timedelta(minutes=1)
NEEDED = """
    SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND NOT atthasdef AND attidentity = ''
        AND (attnotnull OR attname = 'tenant_id')
"""
Row = dict[str, Any]


@dataclass
class Tenant:
    """Plants one tenant's rows; ``numbers`` begin far from another tenant's."""

    admin: psycopg.Connection
    name: str
    at: datetime
    numbers: int
    rows: dict[str, list[Row]] = field(default_factory=dict)
    used: count = field(default_factory=lambda: count(1))

    def add(self, table: str, **columns: Any) -> Row:
        row = {name: self._fill(name, kind) for name, kind in self.admin.execute(NEEDED, [table])} | columns
        names, holes = ", ".join(row), ", ".join(f"%({name})s" for name in row)
        wrapped = {name: Jsonb(value) if isinstance(value, dict) else value for name, value in row.items()}
        with self.admin.cursor(row_factory=dict_row) as cursor:
            insert = f"INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE VALUES ({holes}) RETURNING *"
            stored = cursor.execute(insert, wrapped).fetchone()
        self.rows.setdefault(table, []).append(stored)
        return stored

    def number(self) -> int:
        return self.numbers + next(self.used)

    def digest(self) -> str:
        return hashlib.sha256(f"{self.name} {next(self.used)}".encode()).hexdigest()

    def _fill(self, column: str, kind: str) -> Any:
        if column == "tenant_id":
            return self.name
        if column.endswith("digest"):
            return self.digest() if kind == "text" else bytes.fromhex(self.digest())
        return {
            "text": f"{self.name} {column} {next(self.used)}",
            "text[]": [f"{self.name} {column}"],
            "uuid": uuid4(),
            "timestamp with time zone": self.at,
            "bytea": f"{self.name} {column}".encode(),
            "jsonb": {"of": self.name},
        }.get(kind, 1)


def plant(tenant: Tenant) -> None:
    """At least one row in each tenant table, and in the system's tables that hold a tenant's."""
    tenant.add("scheduler.tenants", max_concurrent_runs=tenant.numbers // 4)
    images = plant_inventory(tenant)
    schedules = [plant_schedule(tenant, overlap) for overlap in ("cancel_running", "allow", "skip")]
    tenant.add("scheduler.schedules", kind="impact", name=f"{tenant.name} impact")
    tenant.add("scheduler.schedules", kind="graph", enabled=False, paused_reason=f"{tenant.name} pauses")
    tenant.add("scheduler.schedules", kind="graph", deleted_at=tenant.at, deleted_by=f"{tenant.name} ann")
    plant_calendars(tenant, schedules[0][1])
    runs = plant_runs(tenant, *schedules[0])
    plant_work(tenant, runs["running"], images)
    plant_results(tenant, schedules[0][0], runs)
    plant_audit(tenant, str(runs["running"]["id"]))
    for state, until in (("held", timedelta(hours=2)), ("expired", MINUTE)):
        key = f"{tenant.name} {state} lock"
        held = {"holder": f"{tenant.name} holder", "acquired_at": tenant.at, "expires_at": tenant.at + until}
        lock = {"key_digest": hashlib.sha256(key.encode()).digest(), "strategy": "lease"} | held
        tenant.add("scheduler.locks", key=key, fencing_token=tenant.number(), **lock)
    waits = {
        "key_digest": lock["key_digest"],
        "since": tenant.at,
        "expires_at": tenant.at + timedelta(hours=2),
    }
    tenant.add("scheduler.lock_waiters", ticket=tenant.number(), **waits)


def plant_inventory(tenant: Tenant) -> list[Row]:
    """Images with their components, and what a policy says of them."""
    policy = tenant.add("inventory.policies")
    tenant.add("inventory.policy_revisions", policy_id=policy["id"], document=f"{tenant.name} rules")
    images = [tenant.add("inventory.images", tag=f"{tenant.name} tag {n}") for n in range(3)]
    feed = {"added": 1, "changed": 0, "unchanged": 0}
    revision = tenant.add("inventory.feed_revisions", revision=tenant.number(), **feed)["revision"]
    advisory = tenant.add("inventory.advisories", severity="high", revision=revision)
    for at, image in enumerate(images):
        serial = f"{tenant.name} serial {at}"
        sbom = tenant.add("inventory.sboms", image_id=image["id"], serial_number=serial)
        tenant.admin.execute(
            "UPDATE inventory.images SET sbom_id = %s WHERE id = %s", [sbom["id"], image["id"]]
        )
        image["sbom_id"] = sbom["id"]
        kind, named = ("rpm", "name") if at == 1 else ("npm", "package")
        component = tenant.add("inventory.component_versions", id=tenant.number(), type=kind, version="1.0")
        ranged = {"advisory_id": advisory["id"], "revision_from": revision, "ordinal": at, "type": kind}
        tenant.add(
            "inventory.advisory_ranges",
            package=component[named],
            kind="SEMVER",
            events=Jsonb([]),
            **ranged,
        )
        tenant.add("inventory.image_components", component_id=component["id"], image_id=image["id"])
        found = {"image_id": image["id"], "policy_id": policy["id"], "component_id": component["id"]}
        found |= {"advisory_id": advisory["id"], "match": "affected", "severity": "high", "verdict": "block"}
        tenant.add(
            "inventory.findings", fixed_at=tenant.at if at == 2 else None, rule=f"{tenant.name} rule", **found
        )
    tenant.add("inventory.feed_revisions", revision=tenant.number(), **feed)
    tenant.add("inventory.exploit_documents", revision=tenant.number(), kind="kev")
    cve = f"CVE-2026-{tenant.number()}"
    tenant.add("inventory.epss_scores", cve=cve)
    tenant.add("inventory.known_exploited", cve=cve, added=tenant.at.date(), ransomware=True)
    plant_imports(tenant, revision)
    tenant.add("inventory.graphs")
    tenant.add("inventory.vex_statements", status="fixed", purl=f"{tenant.name} purl")
    of_import = {"import_id": uuid4(), "kind": "vex", "source": f"{tenant.name} feed"}
    for record in (1, 2):
        tenant.add("inventory.tenant_quarantine", record=record, **of_import)
    return images


def plant_imports(tenant: Tenant, earlier: int) -> None:
    """Imports of advisories, one that is read, one that ended: of one with a range from before, and one as known."""
    revision = tenant.rows["inventory.feed_revisions"][-1]["revision"]
    advisory = tenant.add("inventory.advisories", severity="high", revision=revision)["id"]
    ranged = {"revision_from": earlier, "ordinal": 0, "kind": "SEMVER", "events": Jsonb([])}
    tenant.add("inventory.advisory_ranges", advisory_id=advisory, **ranged)
    same = tenant.add("inventory.advisories", severity="low", revision=revision)
    later = {"modified": tenant.at + timedelta(hours=1), "ranges": Jsonb([])}
    unchanged = {"id": same["id"], "digest": same["digest"], "severity": "low", **later}
    ranges = [{"type": "npm", "package": f"{tenant.name} a", "kind": "SEMVER", "events": [], "versions": []}]
    for ended in (None, tenant.at):
        records = {"records": 2, "malformed": 1, "touched_at": tenant.at, "finished_at": ended}
        records["fingerprint"] = tenant.digest()
        found = tenant.add("inventory.advisory_imports", source=f"{tenant.name} feed", **records)
        of = {"import_id": found["id"], "id": advisory, "severity": "high", "ranges": Jsonb(ranges)}
        tenant.add("inventory.staged_advisories", **of)
        tenant.add("inventory.staged_advisories", import_id=found["id"], **unchanged)
        tenant.add("inventory.quarantine", import_id=found["id"], record=2)


def plant_schedule(tenant: Tenant, overlap: str) -> tuple[Row, Row]:
    """An active schedule with a trigger that is due and one that waits for an event."""
    failing = {"run_timeout": MINUTE, "pause_after_failures": 1}
    of = {"overlap": overlap, "labels": {"of": tenant.name}}
    schedule = tenant.add("scheduler.schedules", kind="graph", **of | failing)
    tenant.add("scheduler.schedule_versions", schedule_id=schedule["id"])
    of = {"schedule_id": schedule["id"], "kind": "interval", "every": timedelta(hours=1), "anchor": tenant.at}
    push = {"kind": "event", "every": None, "anchor": None, "event": "push"}
    waiting = tenant.add("scheduler.triggers", **of | push)
    tenant.add("scheduler.triggers", **of | push | {"event": f"run_completed:{tenant.name} impact"})
    for handled in (None, tenant.at):
        at = tenant.at + timedelta(seconds=handled is None)
        tenant.add(
            "scheduler.trigger_events", trigger_id=waiting["id"], event="push", at=at, handled_at=handled
        )
    told = {"kind": "schedule_paused", "attempts": 1, "available_at": tenant.at}
    for settled in (
        {},
        {"delivered_at": tenant.at},
        {"given_up_at": tenant.at, "error": f"{tenant.name} error"},
    ):
        tenant.add("scheduler.notifications", **told | settled)
    return schedule, tenant.add("scheduler.triggers", next_fire_at=tenant.at, **of)


def plant_calendars(tenant: Tenant, trigger: Row) -> None:
    """A calendar that a trigger uses and one that was deleted, with what their versions said."""
    deleted = {"deleted_at": tenant.at, "deleted_by": f"{tenant.name} ann"}
    for name, state in ((f"{tenant.name} holidays", {}), (f"{tenant.name} freeze", deleted)):
        said = state | {"mode": "exclude", "timezone": "UTC", "on_excluded": "skip", "entries": Jsonb([])}
        tenant.add("scheduler.calendars", name=name, **said)
        tenant.add("scheduler.calendar_versions", name=name, content={"of": tenant.name})
    used = "UPDATE scheduler.triggers SET calendars = %s WHERE id = %s"
    trigger["calendars"] = [f"{tenant.name} holidays"]
    tenant.admin.execute(used, [trigger["calendars"], trigger["id"]])


def plant_runs(tenant: Tenant, schedule: Row, trigger: Row) -> dict[str, Row]:
    """A run in every state, with the launches and workers that such runs have; by state."""
    ended = {"dead": tenant.at, "gone": tenant.at}
    tenant.add("scheduler.workers", status="gone", ended_at=tenant.at)
    workers = {
        status: tenant.add(
            "scheduler.workers",
            status=status,
            ended_at=ended.get(status),
            dagster_run_id=f"{tenant.name} run of {status}",
        )
        for status in ("active", "draining", "dead", "gone")
    }
    offered = tenant.add("scheduler.launches", kind="graph", state="offered", offered_at=tenant.at, offers=1)
    tenant.add("scheduler.launches", kind="graph", state="offered")
    tenant.add("scheduler.launches", kind="graph", state="dead", finished_at=tenant.at)
    taken = {"dagster_run_id": f"{tenant.name} dagster run", "acknowledged_at": tenant.at}
    finished = {"state": "finished", "finished_at": tenant.at} | taken
    launch = tenant.add("scheduler.launches", kind="graph", state="acknowledged", **taken)
    tenant.add("scheduler.launches", kind="graph", **finished)
    ended = {"finished_at": tenant.at + MINUTE}
    opened = {"launch_id": launch["id"], "dagster_run_id": launch["dagster_run_id"], "started_at": tenant.at}

    def run(state: str, worker: str | None = None, **columns: Any) -> Row:
        if worker:
            columns |= opened | {"fencing_token": tenant.number(), "worker_id": workers[worker]["id"]}
        of = {"schedule_id": schedule["id"], "schedule_version": 1, "kind": "graph", "trigger_kind": "manual"}
        return tenant.add("scheduler.runs", state=state, **of | columns)

    runs = {
        "running": run("running", "active", begun=True),
        "completed": run(
            "completed", "active", stats={"of": tenant.name}, deltas={"new": 1}, events_seen=0, **ended
        ),
        "failed": run("failed", "gone", error=f"{tenant.name} error", finished_at=tenant.at + 2 * MINUTE),
        "cancelled": run("cancelled", reason=f"{tenant.name} reason", cancel_requested_at=tenant.at, **ended),
        "queued": run("queued", launch_id=offered["id"]),
        "taken": run("queued", launch_id=launch["id"]),
        "abandoned": run("running", "dead"),
    }
    fired = {"trigger_kind": "interval", "trigger_id": trigger["id"]}
    run("pending", **fired | {"scheduled_for": tenant.at - MINUTE})
    event = next(one for one in tenant.rows["scheduler.triggers"] if one["schedule_id"] == schedule["id"])
    assert event["kind"] == "event"
    run("pending", trigger_kind="event", trigger_id=event["id"], scheduled_for=tenant.at - MINUTE)
    run("running", "active", kind="policy", mode="full")
    run("pending", schedule_id=None, schedule_version=None)
    run("pending", trigger_kind="retry", retry_of=runs["failed"]["id"])
    skipped = {"skipped_count": 2, "skipped_first": tenant.at - MINUTE, "skipped_last": tenant.at}
    run("skipped", reason=f"{tenant.name} reason", **ended, **skipped, **fired)
    return runs


def plant_work(tenant: Tenant, run: Row, images: list[Row]) -> None:
    """Work items of both kinds in every status."""
    leased = {"lease_owner": f"{tenant.name} worker", "lease_expires_at": tenant.at + MINUTE, "attempts": 1}
    ended = {"finished_at": tenant.at + MINUTE, "started_at": tenant.at, "attempts": 1}
    image = {"sbom_id": images[0]["sbom_id"], "run_id": run["id"]}
    for table, kind in (("scheduler.graph_jobs", "build"), ("scheduler.policy_jobs", "full")):
        inputs = {"input_digest": tenant.digest()} if kind == "full" else {}
        tenant.add(table, kind=kind, status="pending", image_id=images[0]["id"], **image)
        tenant.add(table, kind=kind, status="running", started_at=tenant.at, **leased, **image)
        done = {"result_digest": tenant.digest(), "stats": {"of": tenant.name}} | ended | inputs
        tenant.add(table, kind=kind, status="completed", image_id=images[1]["id"], **done, **image)
        tenant.add(table, kind=kind, status="failed", error=f"{tenant.name} error", **ended, **image)
        tenant.add(table, kind=kind, status="cancelled", **ended, **image)


def plant_results(tenant: Tenant, schedule: Row, runs: dict[str, Row]) -> None:
    """What runs left: snapshots, logs, summaries."""
    for state in ("completed", "running"):
        of = {"run_id": runs[state]["id"], "schedule_id": schedule["id"]}
        snapshot = tenant.add("scheduler.impact_snapshots", **of)
        reasons = Jsonb([[f"{tenant.name} purl", "A"]])
        tenant.add("scheduler.impact_snapshot_images", snapshot_id=snapshot["id"], reasons=reasons)
        for line in (1, 2):
            tenant.add("scheduler.execution_logs", run_id=runs[state]["id"], line=line, level="info")
    of = {"run_id": runs["cancelled"]["id"], "schedule_id": schedule["id"]}
    tenant.add("scheduler.impact_snapshots", total=0, unknown=0, **of)
    for hour in (0, 1):
        bucket = tenant.at.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hour)
        of = {"kind": "graph", "granularity": "hour", "bucket": bucket, "schedule_id": schedule["id"]}
        tenant.add("scheduler.run_summaries", **of)


def plant_audit(tenant: Tenant, entity_id: str) -> None:
    """Entries that are sealed, waiting, neither, and lost from the queue; in the chain of no tenant two of them."""

    def add(owner: str | None = tenant.name, *, waits: bool) -> Row:
        entry = tenant.add("scheduler.audit", tenant_id=owner, entity_id=entity_id, new={"of": tenant.name})
        if not waits:
            tenant.admin.execute("DELETE FROM scheduler.audit_unsealed WHERE audit_id = %s", [entry["id"]])
        return entry

    hashes = {"previous_hash": bytes.fromhex(tenant.digest()), "hash": bytes.fromhex(tenant.digest())}
    sealed = {"chain": tenant.name, "seq": tenant.number(), "audit_id": add(waits=False)["id"]}
    tenant.add("scheduler.audit_seals", **sealed, **hashes)
    of_nobody = {"chain": "", "seq": tenant.number(), "audit_id": add(None, waits=False)["id"]}
    tenant.add("scheduler.audit_seals", tenant_id=None, **of_nobody, **hashes)
    add(waits=True)
    add(None, waits=True)
    add(waits=False)
    tenant.add("scheduler.audit_unsealed", chain=tenant.name)


def is_marker(value: Any) -> bool:
    """Whether a value can be told from any other tenant's: a long text, an id, an instant, a large number, a hash."""
    return (
        isinstance(value, UUID | datetime)
        or (isinstance(value, int) and value > 10**9)
        or (isinstance(value, str | bytes) and len(value) > 12)
    )
