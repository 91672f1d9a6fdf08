"""Parameters for any query file, taken from a tenant's rows: most queries need no line here.

A parameter's value is looked for, in this order: in OF_QUERY, in EVERYWHERE, in a row of the query's main table by its
name or by its singular, as an id by convention (`images`, `run_id`), in a row of another table that the query names,
and last by its type. A query is tried with each row of its main table, so some row is in the state its guard wants.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg.types.json import Jsonb

from resources.queries import QUERIES, load
from tests.tenancy.world import Row, Tenant

MIDNIGHT = {"hour": 0, "minute": 0, "second": 0, "microsecond": 0}
EVERYWHERE = {
    "now": lambda tenant: tenant.at + timedelta(hours=1),
    "since": lambda tenant: tenant.at - timedelta(days=1),
    "until": lambda tenant: tenant.at + timedelta(days=1),
    "tenant": lambda tenant: tenant.name,
    "tenant_id": lambda tenant: tenant.name,
    "tenants": lambda tenant: [tenant.name],
    "limit": lambda tenant: 100,
    "per_tenant": lambda tenant: 100,
    "before": lambda tenant: tenant.at.replace(**MIDNIGHT) + timedelta(days=1),
    "day": lambda tenant: tenant.at.replace(**MIDNIGHT),
    "next_day": lambda tenant: tenant.at.replace(**MIDNIGHT) + timedelta(days=1),
    "chain": lambda tenant: tenant.name,
    "milliseconds": lambda tenant: "1000",
    "after": lambda tenant: None,
    "batch": lambda tenant: 100,
    "label_key": lambda tenant: "of",
    "label_value": lambda tenant: tenant.name,
    "pattern": lambda tenant: "%",
}
# What a parameter is called where its column has another name.
COLUMNS = {
    "token": "fencing_token",
    "worker": "lease_owner",
    "launches": "launch_id",
    "launch_ids": "launch_id",
    "prefix": "id",
    "dagster_runs": "dagster_run_id",
    "repository_like": "repository",
    "name_like": "repository",
    "revision": "revision_from",
}
# What a query needs that no row tells: {"runs/cancel": {"reason": lambda tenant: "because"}}.
OF_QUERY: dict[str, dict[str, Any]] = {
    "advisories/drop_ranges": {"ids": lambda tenant: [tenant.rows["inventory.advisories"][0]["id"]]},
    "advisories/end_ranges": {
        "ids": lambda tenant: [tenant.rows["inventory.advisories"][0]["id"]],
        "revision": lambda tenant: tenant.rows["inventory.feed_revisions"][1]["revision"],
    },
    "advisories/list_named": {"names": lambda tenant: [tenant.rows["inventory.advisories"][0]["id"]]},
    "advisories/insert_ranges": {"ordinals": lambda tenant: [99]},
    "audit_seals/append_many": {
        "seq": lambda tenant: tenant.number(),
        "audit_id": lambda tenant: uuid4(),
    },
    "audit_seals/list_links": {"after": lambda tenant: 0},
    "auditing/earliest_range": {"since": lambda tenant: tenant.at - timedelta(seconds=30)},
    "calendars/insert_version": {"version": lambda tenant: 99},
    "calendars/list_users": {"name": lambda tenant: f"{tenant.name} holidays"},
    "components/insert_many": {"purls": lambda tenant: [f"{tenant.name} new purl"]},
    "execution_logs/append": {"lines": lambda tenant: [99]},
    "execution_logs/list_expired_partitions": {"before": lambda tenant: tenant.at + timedelta(days=100)},
    "exploits/insert_listed": {"cves": lambda tenant: [f"CVE-2026-{tenant.number()}"]},
    "exploits/insert_scores": {"cves": lambda tenant: [f"CVE-2026-{tenant.number()}"]},
    "findings/upsert_many": {
        "of_images": lambda tenant: [1],
        "of_decided": lambda tenant: [1],
        "decided": lambda tenant: [
            {name: tenant.rows["inventory.findings"][0][name] for name in ("component_id", "advisory_id")}
            | {"policy_id": str(tenant.rows["inventory.findings"][0]["policy_id"])}
            | {"policy_revision": 1, "match": "affected", "severity": "low", "verdict": "warn"}
        ],
    },
    "graph_jobs/insert_many": {"images": lambda tenant: [uuid4()]},
    "graphs/insert": {"digest": lambda tenant: tenant.digest()},
    "graphs/list_digests": {"prefix": lambda tenant: tenant.rows["inventory.graphs"][0]["digest"][:8]},
    "images/find_named": {"text": lambda tenant: f"{tenant.name} tag 0"},
    "impact_snapshots/diff": {
        "earlier": lambda tenant: tenant.rows["scheduler.impact_snapshots"][0]["id"],
        "later": lambda tenant: tenant.rows["scheduler.impact_snapshots"][1]["id"],
    },
    "impact_snapshots/insert": {
        "run_id": lambda tenant: next(
            r["id"] for r in tenant.rows["scheduler.runs"] if r["state"] == "failed"
        ),
    },
    "impact_snapshots/insert_images": {
        "images": lambda tenant: Jsonb(
            [
                {
                    "image_id": str(uuid4()),
                    "reasons": [[f"{tenant.name} purl", "A"]],
                    "unknown": [[f"{tenant.name} other purl", "A"]],
                }
            ]
        ),
    },
    **{
        name: {"key": lambda tenant: f"{tenant.name} expired lock"}
        for name in (
            "lock_waiters/leave",
            "lock_waiters/wait",
            "lock_waiters/wake_first",
            "locks/try_acquire",
        )
    },
    **{
        f"imports/{verb}": {"revision": lambda tenant: tenant.rows["inventory.feed_revisions"][1]["revision"]}
        for verb in ("begin_ranges", "end_ranges")
    },
    "imports/quarantine_many": {
        "left_out": lambda tenant: [
            {"record": 99, "file": f"{tenant.name} file", "path": "", "reason": "bad"}
        ]
    },
    "imports/stage_many": {
        "advisories": lambda tenant: [
            {"id": f"{tenant.name} new", "modified": tenant.at.isoformat(), "summary": "", "aliases": []}
            | {"severity": "low", "score": 0, "digest": tenant.digest(), "upstream": [], "ranges": []}
        ]
    },
    "policies/insert_revision": {"revision": lambda tenant: 99},
    "policy_jobs/insert_many": {"images": lambda tenant: [uuid4()]},
    "policy_jobs/record_many": {
        "evaluated": lambda tenant: [
            {"id": str(uuid4()), "image_id": str(uuid4()), "sbom_id": str(uuid4()), "stats": {}}
            | {"input_digest": tenant.digest(), "result_digest": tenant.digest()}
        ]
    },
    "retention/delete_imports": {"abandoned": lambda tenant: tenant.at + timedelta(hours=1)},
    "run_summaries/roll_up": {"hours": lambda tenant: [tenant.at.replace(minute=0, second=0, microsecond=0)]},
    "sboms/insert": {"digest": lambda tenant: tenant.digest()},
    "sboms/renew": {"serial_number": lambda tenant: f"{tenant.name} serial of a later document"},
    "trigger_events/record": {"event": lambda tenant: "push", "of_tenant": lambda tenant: tenant.name},
    "trigger_events/handle_many": {
        "triggers": lambda tenant: [tenant.rows["scheduler.trigger_events"][0]["trigger_id"]]
    },
    "schedules/lock_with_listeners": {"event": lambda tenant: "push"},
    "schedules/lock_of_calendar": {"name": lambda tenant: f"{tenant.name} holidays"},
    "triggers/list_of_calendar": {"name": lambda tenant: f"{tenant.name} holidays"},
    "schedules/insert_version": {"version": lambda tenant: 99},
    "vex/insert_many": {
        "aliases": lambda tenant: [f"{tenant.name} alias"],
        "digests": lambda tenant: [tenant.digest()],
    },
    "vex/list_newest": {
        "vulnerability": lambda tenant: tenant.rows["inventory.vex_statements"][0]["vulnerability"]
    },
    "tenant_quarantine/delete_earlier": {"import_id": lambda tenant: uuid4()},
    "tenant_quarantine/insert_many": {
        "left_out": lambda tenant: [
            {"record": 99, "file": f"{tenant.name} file", "path": "", "reason": "bad"}
        ]
    },
    "tenants/lock_waiting": {"now": lambda tenant: tenant.at - timedelta(days=1)},
    "tenants/insert": {"tenant_id": lambda tenant: f"{tenant.name}-new"},
}
ENTITIES = {
    "image": "inventory.images",
    "sbom": "inventory.sboms",
    "component": "inventory.component_versions",
    "policy": "inventory.policies",
    "advisory": "inventory.advisories",
    "schedule": "scheduler.schedules",
    "trigger": "scheduler.triggers",
    "run": "scheduler.runs",
    "launch": "scheduler.launches",
    "worker": "scheduler.workers",
    "snapshot": "scheduler.impact_snapshots",
}
BY_TYPE = {
    "text": lambda tenant: f"{tenant.name} said",
    "uuid": lambda tenant: uuid4(),
    "boolean": lambda tenant: True,
    "jsonb": lambda tenant: {"of": tenant.name},
    "interval": lambda tenant: timedelta(minutes=1),
    "timestamp with time zone": lambda tenant: tenant.at,
    "bytea": lambda tenant: b"bytes",
}
HOLE = re.compile(r"%\((\w+)\)s")
OPTIONAL = re.compile(r"%\((\w+)\)s(?:::[\w\[\]]+)? IS NULL\s+OR")
RELATION = re.compile(r"\b(?:FROM|INTO|UPDATE|JOIN)\s+((?:scheduler|inventory)\.\w+)(?!\w*\()")
VIEWS = {"scheduler.ledger": "scheduler.runs"}
Parameters = dict[str, Any]


def query_names() -> list[str]:
    """Every query file, as `load` names it; DDL, which takes no parameters and is the owner's, left out."""
    names = sorted(f"{path.parent.name}/{path.stem}" for path in QUERIES.glob("*/*.sql"))
    return [name for name in names if not re.search(r"^(ALTER|CREATE|DROP) ", load(name), re.MULTILINE)]


@dataclass
class Query:
    """One query file: its parameters with the types PostgreSQL gives them, and the tables it names."""

    name: str
    admin: Connection
    text: str = field(init=False)

    def __post_init__(self) -> None:
        self.text = load(self.name)

    @cached_property
    def types(self) -> dict[str, str]:
        names = list(dict.fromkeys(HOLE.findall(self.text)))
        numbered = HOLE.sub(lambda hole: f"${names.index(hole[1]) + 1}", self.text).replace("%%", "%")
        given = ", ".join("timestamptz" if name == "now" else "unknown" for name in names)
        prepare = f"PREPARE hostile ({given}) AS {numbered}" if names else f"PREPARE hostile AS {numbered}"
        self.admin.execute(prepare.encode())
        read = "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'hostile'"
        (types,) = self.admin.execute(read).fetchone()
        self.admin.execute("DEALLOCATE hostile")
        return dict(zip(names, types, strict=True))

    @cached_property
    def changes(self) -> bool:
        """Whether it is an UPDATE, whose parameters are what a row becomes."""
        return (
            "INSERT INTO" not in self.text
            and re.search(r"\bUPDATE (scheduler|inventory)", self.text) is not None
        )

    @cached_property
    def tables(self) -> list[str]:
        return list(dict.fromkeys(VIEWS.get(table, table) for table in RELATION.findall(self.text)))

    def of_rows(self, tenant: Tenant) -> Iterator[Parameters]:
        """Parameters from each of the tenant's rows in the main table, then what they may also be."""
        optional = {*OPTIONAL.findall(self.text), *(name for name in self.types if name.startswith("after_"))}
        rows = [row for table in self.tables[:1] for row in tenant.rows.get(table, [])]
        for row in rows or [{}]:
            found = {name: self._value(name, kind, row, tenant) for name, kind in self.types.items()}
            yield found
            if optional:
                yield found | dict.fromkeys(optional)
            if self.changes:
                filled = {
                    name: self._value(name, kind, row, tenant, fill=True) for name, kind in self.types.items()
                }
                yield filled
                yield {name: not value if isinstance(value, bool) else value for name, value in found.items()}
            if "INSERT INTO" in self.text:
                yield {name: self._new(name, value) for name, value in found.items()}

    def _value(self, name: str, kind: str, row: Row, tenant: Tenant, fill: bool = False) -> Any:
        values = self._found(name, kind, row, tenant)
        value = next(values)
        if self.changes and name in ("state", "status"):
            value = "failed"
        elif fill and value is None:
            value = next((other for other in values if other is not None), None)
        if kind.startswith("text") and isinstance(value, UUID):
            value = str(value)
        if kind.startswith("jsonb") and value is not None:
            value = Jsonb(value)
        return [value] if kind.endswith("[]") and not isinstance(value, list) else value

    def _found(self, name: str, kind: str, row: Row, tenant: Tenant) -> Iterator[Any]:
        """Values that may be meant, the likeliest first."""
        for chosen in (OF_QUERY.get(self.name, {}), EVERYWHERE):
            if name in chosen and not (name == "limit" and kind == "interval"):
                yield chosen[name](tenant)
        bare = name.removeprefix("after_").removeprefix("before_")
        names = [bare, *filter(None, [COLUMNS.get(bare)]), *singulars(bare)]
        yield from (row[column] for column in names if column in row)
        for entity in (one.removesuffix("_id") for one in names):
            if entity in ENTITIES:
                yield row.get(f"{entity}_id") or self._id(entity, row, tenant)
        for other in (other for table in self.tables[1:] for other in tenant.rows.get(table, [])):
            yield from (other[column] for column in names if column in other)
        yield tenant.digest() if "digest" in name else self._of_type(kind, tenant)

    def _of_type(self, kind: str, tenant: Tenant) -> Any:
        return BY_TYPE.get(kind.removesuffix("[]"), lambda _: 1)(tenant)

    def _id(self, entity: str, row: Row, tenant: Tenant) -> Any:
        of_the_row = "id" in row and self.tables[0] == ENTITIES[entity]
        return (row if of_the_row else tenant.rows[ENTITIES[entity]][0])["id"]

    def _new(self, name: str, value: Any) -> Any:
        if name == "id" and isinstance(value, UUID):
            return uuid4()
        if name in ("ids", "id") and isinstance(value, list) and isinstance(value[0], UUID):
            return [uuid4() for _ in value]
        return value


def singulars(name: str) -> list[str]:
    """What one of several may be called: policies, matches, images."""
    ends = (("ies", "y"), ("es", ""), ("s", ""))
    return [name.removesuffix(end) + one for end, one in ends if name.endswith(end)]
