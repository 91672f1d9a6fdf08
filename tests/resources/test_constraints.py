"""Rows that must not exist: each hand-written bad row is a good one with a change, refused by the constraint meant."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)
SECOND = timedelta(seconds=1)
HEX = "0" * 64
SCHEDULE, TRIGGER, RUN, LAUNCH, WORKER, IMAGE, SBOM, POLICY, SNAPSHOT = map(
    UUID, map("{:032x}".format, range(1, 10))
)
STAMPS = {"created_at": NOON, "updated_at": NOON}
ITEM = {"tenant_id": "acme", "run_id": RUN, "image_id": IMAGE, "sbom_id": SBOM, "status": "pending"}
RUNNING = {
    "state": "running",
    "launch_id": LAUNCH,
    "fencing_token": 1,
    "started_at": NOON,
    "worker_id": WORKER,
}
RUNNING |= {"dagster_run_id": "d1"}
RAN = {name: value for name, value in RUNNING.items() if name not in ("state", "launch_id")}
QUEUED = {"state": "queued", "launch_id": LAUNCH}
ENDED = {"state": "failed", "error": "boom", "finished_at": LATER, "launch_id": LAUNCH}
TAKEN = {"state": "acknowledged", "dagster_run_id": "d1", "acknowledged_at": NOON}
COMPLETED = RUNNING | {"state": "completed", "finished_at": LATER}
SKIPPED = {"state": "skipped", "reason": "overlap", "finished_at": NOON, "skipped_count": 2}
SKIPPED |= {"skipped_first": NOON, "skipped_last": LATER}
BEGUN = {"attempts": 1, "started_at": NOON}
LEASED = BEGUN | {"status": "running", "lease_owner": "w", "lease_expires_at": LATER}
DONE = BEGUN | {"status": "completed", "finished_at": LATER, "result_digest": HEX, "input_digest": HEX}
BUILT = {name: value for name, value in DONE.items() if name != "input_digest"}
CANCELLED = {"status": "cancelled", "finished_at": NOON}
FAILED_ITEM = {"status": "failed", "finished_at": NOON, "error": "boom"}
ITEM_TABLES = ("scheduler.graph_jobs", "scheduler.policy_jobs")
OF_CRON = {"cron": None, "timezone": None}
INTERVAL = OF_CRON | {"kind": "interval", "every": timedelta(hours=1), "anchor": NOON}
FIRED = {"trigger_kind": "cron", "trigger_id": TRIGGER, "schedule_id": SCHEDULE, "schedule_version": 1}
BAD_ITEMS = [
    (BEGUN, "started_when_claimed"),
    (LEASED | {"started_at": None}, "started_when_claimed"),
    (LEASED | {"attempts": 0}, "started_when_claimed"),
    (CANCELLED | {"started_at": NOON}, "started_when_claimed"),
    (LEASED | {"lease_owner": ""}, "lease_lasts"),
    (LEASED | {"lease_expires_at": NOON}, "lease_lasts"),
    (LEASED | {"lease_expires_at": "infinity"}, "lease_lasts"),
    (LEASED | {"started_at": NOON - SECOND}, "times_in_order"),
    (CANCELLED | {"finished_at": NOON - SECOND}, "times_in_order"),
    (CANCELLED | BEGUN | {"started_at": LATER}, "times_in_order"),
    (BEGUN | FAILED_ITEM | {"error": ""}, "error_says_something"),
    (FAILED_ITEM, "started_when_claimed"),
]

HELD = {"holder": "me", "acquired_at": NOON, "expires_at": LATER}


def lock(key: str) -> dict[str, object]:
    return {"key": key, "key_digest": sha256(key.encode()).digest()}


GOOD = {
    "scheduler.tenants": {
        "tenant_id": "acme",
        "display_name": "Acme",
        "created_at": NOON,
        "created_by": "ann",
    },
    "scheduler.schedules": STAMPS
    | {
        "tenant_id": "acme",
        "id": SCHEDULE,
        "name": "nightly",
        "kind": "graph",
        "created_by": "ann",
        "updated_by": "ann",
    },
    "scheduler.calendars": STAMPS
    | {
        "tenant_id": "acme",
        "name": "freeze",
        "mode": "exclude",
        "timezone": "UTC",
        "on_excluded": "skip",
        "entries": Jsonb([]),
        "version": 1,
        "created_by": "ann",
        "updated_by": "ann",
    },
    "scheduler.calendar_versions": {
        "tenant_id": "acme",
        "name": "freeze",
        "version": 1,
        "valid_from": NOON,
        "changed_by": "ann",
    },
    "scheduler.triggers": STAMPS
    | {
        "tenant_id": "acme",
        "id": TRIGGER,
        "schedule_id": SCHEDULE,
        "kind": "cron",
        "cron": "0 3 * * *",
        "timezone": "UTC",
    },
    "scheduler.launches": {
        "id": LAUNCH,
        "owner": "here",
        "kind": "graph",
        "state": "offered",
        "created_at": NOON,
    },
    "scheduler.workers": {
        "id": WORKER,
        "host": "h",
        "pid": 1,
        "kinds": ["graph"],
        "capacity": 1,
        "version": "0",
    }
    | {"status": "active", "registered_at": NOON, "last_heartbeat_at": NOON},
    "scheduler.runs": {
        "tenant_id": "acme",
        "id": RUN,
        "kind": "graph",
        "state": "pending",
        "scheduled_for": NOON,
    }
    | {"available_at": NOON, "requested_by": "ann", "created_at": NOON, "trigger_kind": "manual"},
    "scheduler.graph_jobs": ITEM | {"id": RUN, "kind": "build", "created_at": NOON},
    "scheduler.policy_jobs": ITEM | {"id": RUN, "kind": "full", "created_at": NOON},
    "scheduler.impact_snapshots": {"tenant_id": "acme", "id": SNAPSHOT, "run_id": RUN, "selector": Jsonb({})}
    | {"feed_revision": 1, "total": 0, "unknown": 0, "digest": HEX, "created_at": NOON},
    "scheduler.locks": lock("k") | {"strategy": "lease", "fencing_token": 1},
    "scheduler.run_summaries": {"tenant_id": "acme", "kind": "graph", "granularity": "hour", "bucket": NOON}
    | {"completed": 1, "failed": 0, "cancelled": 0, "skipped": 0, "updated_at": NOON},
    "scheduler.audit": {
        "id": RUN,
        "tenant_id": "acme",
        "at": NOON,
        "actor": "ann",
        "action": "create",
        "entity": "run",
    }
    | {"entity_id": "1", "new": Jsonb({}), "correlation_id": RUN},
    "scheduler.audit_seals": {"chain": "acme", "tenant_id": "acme", "seq": 1, "audit_id": RUN}
    | {"previous_hash": bytes(32), "hash": b"h" * 32, "sealed_at": NOON},
    "inventory.images": STAMPS
    | {"tenant_id": "acme", "id": IMAGE, "registry": "r", "repository": "shop", "namespace": "web"},
    "inventory.sboms": {
        "tenant_id": "acme",
        "id": SBOM,
        "image_id": IMAGE,
        "digest": HEX,
        "spec_version": "1.6",
    }
    | {
        "component_count": 1,
        "dependency_count": 0,
        "content": b"x",
        "ingested_at": NOON,
        "ingested_by": "ann",
    },
    "inventory.component_versions": {
        "tenant_id": "acme",
        "purl": "pkg:npm/a@1",
        "type": "npm",
        "package": "a",
        "name": "a",
    },
    "inventory.feed_revisions": {"source": "s", "added": 1, "changed": 0, "unchanged": 0, "created_at": NOON}
    | {"created_by": "ann"},
    "inventory.advisories": {"id": "A-1", "revision": 1, "modified": NOON, "severity": "high", "digest": HEX},
    "inventory.advisory_ranges": {
        "advisory_id": "A-1",
        "revision_from": 1,
        "ordinal": 0,
        "type": "npm",
        "package": "a",
    }
    | {"kind": "SEMVER", "events": Jsonb([])},
    "inventory.advisory_imports": {"id": RUN, "source": "s", "fingerprint": HEX, "started_by": "ann"}
    | {"started_at": NOON, "touched_at": NOON},
    "inventory.staged_advisories": {"import_id": RUN, "id": "A-1", "modified": NOON, "severity": "high"}
    | {"summary": "", "aliases": [], "score": 0, "digest": HEX, "ranges": Jsonb([])},
    "inventory.quarantine": {"import_id": RUN, "record": 1, "file": "a.json", "path": "", "reason": "bad"}
    | {"at": NOON},
    "inventory.tenant_quarantine": {"tenant_id": "acme", "import_id": RUN, "record": 1, "kind": "sbom"}
    | {"source": "feed", "file": "a.json", "path": "", "reason": "bad", "at": NOON},
    "inventory.policies": STAMPS | {"tenant_id": "acme", "id": POLICY, "name": "default", "revision": 1},
    "inventory.policy_revisions": {"tenant_id": "acme", "policy_id": POLICY, "revision": 1, "document": "d"}
    | {"digest": HEX, "created_at": NOON, "created_by": "ann"},
    "inventory.findings": {
        "tenant_id": "acme",
        "image_id": IMAGE,
        "policy_id": POLICY,
        "component_id": 1,
    }
    | {
        "advisory_id": "A-1",
        "policy_revision": 1,
        "match": "affected",
        "severity": "high",
        "verdict": "block",
    }
    | {"first_run_id": RUN, "last_run_id": RUN, "first_seen_at": NOON, "last_seen_at": NOON},
    "inventory.vex_statements": {
        "tenant_id": "acme",
        "id": RUN,
        "vulnerability": "A-1",
        "purl": "pkg:npm/a@1",
    }
    | {"status": "fixed", "stated_at": NOON, "digest": HEX}
    | {"note": "", "source": "a.json", "ingested_at": NOON, "ingested_by": "ann"},
    "inventory.exploit_documents": {"kind": "kev", "dated_at": NOON, "version": "1", "entries": 1}
    | {"digest": HEX, "source": "a.json", "created_at": NOON, "created_by": "ann"},
    "inventory.epss_scores": {"cve": "CVE-2026-1000", "score": 0.5, "percentile": 1},
    "inventory.known_exploited": {"cve": "CVE-2026-1000", "added": NOON.date(), "ransomware": True},
}

BAD = [
    ("scheduler.tenants", {"tenant_id": "Acme Inc"}, "tenants_tenant_id_check"),
    ("scheduler.tenants", {"tenant_id": "a" * 64}, "tenants_tenant_id_check"),
    ("scheduler.tenants", {"tenant_id": "b", "max_concurrent_runs": 0}, "tenants_max_concurrent_runs_check"),
    ("scheduler.calendars", {}, "calendars_pkey"),
    ("scheduler.calendars", {"name": "b/c"}, "calendars_name_check"),
    ("scheduler.calendars", {"name": "b", "mode": "only"}, "calendars_mode_check"),
    ("scheduler.calendars", {"name": "b", "timezone": ""}, "calendars_timezone_check"),
    ("scheduler.calendars", {"name": "b", "on_excluded": "fail"}, "calendars_on_excluded_check"),
    ("scheduler.calendars", {"name": "b", "entries": Jsonb({})}, "entries_are_a_list"),
    ("scheduler.calendars", {"name": "b", "entries": Jsonb([{}] * 1001)}, "entries_are_a_list"),
    ("scheduler.calendars", {"name": "b", "entries": Jsonb([{}, "x"])}, "entries_are_objects"),
    ("scheduler.calendars", {"name": "b", "entries": Jsonb([[{}]])}, "entries_are_objects"),
    ("scheduler.calendars", {"name": "b", "version": 0}, "calendars_version_check"),
    ("scheduler.calendars", {"name": "b", "deleted_at": NOON}, "deletion_names_who"),
    ("scheduler.calendar_versions", {}, "calendar_versions_pkey"),
    ("scheduler.calendar_versions", {"version": 0}, "calendar_versions_version_check"),
    ("scheduler.calendar_versions", {"version": 2, "content": Jsonb([])}, "calendar_versions_content_check"),
    ("scheduler.schedules", {}, "schedules_name"),
    ("scheduler.schedules", {"name": " padded"}, "schedules_name_check"),
    ("scheduler.schedules", {"name": "n" * 129}, "schedules_name_check"),
    ("scheduler.schedules", {"name": "b", "kind": "backup"}, "schedules_kind_check"),
    ("scheduler.schedules", {"name": "b", "kind": "policy"}, "mode_is_of_policy"),
    ("scheduler.schedules", {"name": "b", "mode": "full"}, "mode_is_of_policy"),
    ("scheduler.schedules", {"name": "b", "overlap": "sometimes"}, "schedules_overlap_check"),
    ("scheduler.schedules", {"name": "b", "catch_up": "some"}, "schedules_catch_up_check"),
    (
        "scheduler.schedules",
        {"name": "b", "catch_up_window": timedelta(-1)},
        "schedules_catch_up_window_check",
    ),
    ("scheduler.schedules", {"name": "b", "misfire_grace": timedelta(-1)}, "schedules_misfire_grace_check"),
    *(
        ("scheduler.schedules", {"name": "b", column: instant}, f"schedules_{column}_check")
        for column in ("starts_at", "ends_at")
        for instant in ("infinity", "-infinity", "10000-01-01", "0044-03-15 BC")
    ),
    *(
        ("scheduler.schedules", {"name": "b", column: "36501 days"}, f"schedules_{column}_check")
        for column in ("catch_up_window", "misfire_grace")
    ),
    ("scheduler.triggers", {"next_fire_at": "-infinity"}, "triggers_next_fire_at_check"),
    ("scheduler.triggers", INTERVAL | {"anchor": "-infinity"}, "triggers_anchor_check"),
    ("scheduler.triggers", INTERVAL | {"every": "36501 days"}, "triggers_every_check"),
    ("scheduler.triggers", OF_CRON | {"kind": "once", "at": "infinity"}, "triggers_at_check"),
    ("scheduler.runs", {"scheduled_for": "infinity"}, "runs_scheduled_for_check"),
    ("scheduler.runs", {"available_at": "infinity"}, "runs_available_at_check"),
    ("scheduler.schedules", {"name": "b", "priority": 101}, "schedules_priority_check"),
    ("scheduler.schedules", {"name": "b", "selection": Jsonb([])}, "schedules_selection_check"),
    ("scheduler.schedules", {"name": "b", "starts_at": NOON, "ends_at": NOON}, "ends_after_start"),
    ("scheduler.schedules", {"name": "b", "paused_reason": "why"}, "only_paused_has_reason"),
    ("scheduler.schedules", {"name": "b", "deleted_at": NOON}, "deletion_names_who"),
    ("scheduler.schedules", {"name": "b", "labels": Jsonb({"team": 1})}, "labels_are_texts"),
    ("scheduler.schedules", {"name": "b", "version": 0}, "schedules_version_check"),
    ("scheduler.schedules", {"name": "b", "tenant_id": "nobody"}, "schedules_tenant_id_fkey"),
    ("scheduler.triggers", {"deleted_at": NOON, "next_fire_at": LATER}, "deleted_is_never_due"),
    ("scheduler.triggers", {"timezone": None}, "cron_has_timezone"),
    ("scheduler.triggers", {"cron": None}, "cron_has_timezone"),
    ("scheduler.triggers", OF_CRON | {"kind": "sunset"}, "triggers_kind_check"),
    ("scheduler.triggers", {"dst_gap": "both"}, "triggers_dst_gap_check"),
    ("scheduler.triggers", {"dst_overlap": "skip"}, "triggers_dst_overlap_check"),
    ("scheduler.triggers", {"at": NOON}, "once_has_instant"),
    ("scheduler.triggers", {"fire_count": -1}, "triggers_fire_count_check"),
    ("scheduler.triggers", {"schedule_id": RUN}, "triggers_tenant_id_schedule_id_fkey"),
    ("scheduler.triggers", INTERVAL | {"every": timedelta(milliseconds=999)}, "triggers_every_check"),
    ("scheduler.triggers", INTERVAL | {"every": "1 month"}, "triggers_every_check"),
    ("scheduler.triggers", INTERVAL | {"every": "1 year"}, "triggers_every_check"),
    ("scheduler.triggers", INTERVAL | {"anchor": None}, "interval_has_anchor"),
    ("scheduler.triggers", INTERVAL | {"dst_gap": "skip"}, "dst_is_of_cron"),
    ("scheduler.triggers", OF_CRON | {"kind": "once"}, "once_has_instant"),
    ("scheduler.triggers", OF_CRON | {"kind": "event"}, "event_has_name"),
    ("scheduler.triggers", INTERVAL | {"day_match": "and"}, "day_match_is_of_cron"),
    ("scheduler.triggers", {"day_match": "xor"}, "triggers_day_match_check"),
    ("scheduler.triggers", {"jitter": timedelta(days=2)}, "triggers_jitter_check"),
    ("scheduler.triggers", {"calendars": ["c"] * 11}, "triggers_calendars_check"),
    ("scheduler.triggers", {"calendars": [None]}, "triggers_calendars_check"),
    ("scheduler.triggers", {"max_fires": 0}, "triggers_max_fires_check"),
    ("scheduler.triggers", {"due_delay": timedelta(seconds=-1)}, "triggers_due_delay_check"),
    ("scheduler.schedules", {"name": "b", "max_runs_per_hour": 0}, "schedules_max_runs_per_hour_check"),
    ("scheduler.schedules", {"name": "b", "only_if": Jsonb({})}, "schedules_only_if_check"),
    ("scheduler.schedules", {"name": "b", "only_if": Jsonb({"moon": True})}, "schedules_only_if_check"),
    *(
        ("scheduler.schedules", {"name": "b", "only_if": Jsonb({name: value})}, "conditions_are_readable")
        for name, value in [
            *(("report_older_than_days", value) for value in ("7", True, None, [], -1, 36501, 1e300)),
            *(("feed_changed", value) for value in (False, "true", 1, None)),
            ("policy_revision_changed", False),
        ]
    ),
    ("scheduler.runs", {"due_at": NOON - timedelta(days=999)}, "due_after_planned"),
    ("scheduler.launches", {"owner": ""}, "launches_owner_check"),
    ("scheduler.launches", {"state": "acknowledged", "acknowledged_at": NOON}, "acknowledged_names_run"),
    ("scheduler.launches", {"state": "dead"}, "ended_has_time"),
    ("scheduler.launches", {"finished_at": NOON}, "ended_has_time"),
    ("scheduler.launches", TAKEN | {"state": "offered"}, "offered_is_untaken"),
    (
        "scheduler.launches",
        TAKEN | {"state": "dead", "finished_at": NOON, "dagster_run_id": None},
        "taken_has_time",
    ),
    ("scheduler.launches", {"acknowledged_at": NOON}, "taken_has_time"),
    ("scheduler.launches", {"offers": 1}, "offers_have_time"),
    ("scheduler.launches", {"offered_at": NOON}, "offers_have_time"),
    ("scheduler.workers", {"pid": 0}, "workers_pid_check"),
    ("scheduler.workers", {"capacity": 0}, "workers_capacity_check"),
    ("scheduler.workers", {"status": "dead"}, "ended_has_time"),
    ("scheduler.runs", FIRED, "one_row_an_occurrence"),
    ("scheduler.runs", {"state": "lost"}, "runs_state_check"),
    ("scheduler.runs", {"attempt": 0}, "runs_attempt_check"),
    ("scheduler.runs", {"kind": "policy"}, "mode_is_of_policy"),
    ("scheduler.runs", FIRED | {"schedule_version": None}, "schedule_has_version"),
    ("scheduler.runs", FIRED | {"trigger_id": None}, "fired_has_trigger"),
    ("scheduler.runs", FIRED | {"trigger_kind": "manual"}, "fired_has_trigger"),
    ("scheduler.runs", FIRED | {"schedule_id": None, "schedule_version": None}, "trigger_has_schedule"),
    ("scheduler.runs", {"trigger_kind": "retry"}, "retry_names_run"),
    ("scheduler.runs", {"retry_of": RUN}, "retry_names_run"),
    ("scheduler.runs", {"finished_at": NOON}, "terminal_has_end"),
    ("scheduler.runs", {"state": "cancelled"}, "terminal_has_end"),
    ("scheduler.runs", COMPLETED | {"finished_at": None}, "terminal_has_end"),
    ("scheduler.runs", {"launch_id": LAUNCH}, "pending_has_no_launch"),
    ("scheduler.runs", {"fencing_token": 1}, "pending_has_no_launch"),
    ("scheduler.runs", {"state": "queued"}, "queued_has_launch"),
    ("scheduler.runs", {"state": "queued", "launch_id": LAUNCH, "fencing_token": 1}, "queued_has_launch"),
    *[("scheduler.runs", RUNNING | {name: None}, "running_is_fenced") for name in RUNNING if name != "state"],
    ("scheduler.runs", COMPLETED | {"fencing_token": None}, "running_is_fenced"),
    ("scheduler.runs", {"state": "failed", "finished_at": NOON}, "failed_has_error"),
    ("scheduler.runs", COMPLETED | {"error": "boom"}, "failed_has_error"),
    ("scheduler.runs", COMPLETED | {"finished_at": NOON - timedelta(1)}, "times_in_order"),
    ("scheduler.runs", {"skipped_count": 1}, "skipped_is_counted"),
    *[
        ("scheduler.runs", SKIPPED | {f"skipped_{name}": None}, "skipped_is_counted")
        for name in ("count", "first", "last")
    ],
    ("scheduler.runs", SKIPPED | {"reason": None}, "skipped_has_reason"),
    ("scheduler.runs", SKIPPED | {"skipped_count": 0}, "skipped_has_reason"),
    ("scheduler.runs", SKIPPED | {"skipped_first": LATER, "skipped_last": NOON}, "skipped_has_reason"),
    ("scheduler.runs", SKIPPED | {"launch_id": LAUNCH}, "skipped_has_reason"),
    *[("scheduler.runs", ENDED | RAN | {name: None}, "started_is_whole") for name in RAN],
    *[
        ("scheduler.runs", {name: RUNNING[name]}, "started_is_whole")
        for name in RAN
        if name != "fencing_token"
    ],
    ("scheduler.runs", ENDED | {"started_at": NOON}, "started_is_whole"),
    *[
        ("scheduler.runs", row | change, "unstarted_is_untouched")
        for row in ({}, QUEUED, SKIPPED)
        for change in ({"cancel_requested_at": NOON}, {"stats": Jsonb({"n": 1})}, {"deltas": Jsonb({"n": 1})})
    ],
    ("scheduler.runs", SKIPPED | {"skipped_count": 1}, "skipped_range_is_counted"),
    ("scheduler.runs", SKIPPED | {"skipped_last": NOON}, "skipped_range_is_counted"),
    ("scheduler.runs", SKIPPED | {"scheduled_for": LATER + timedelta(1)}, "skipped_range_is_counted"),
    ("scheduler.runs", {"id": RUN, "trigger_kind": "retry", "retry_of": RUN}, "retry_is_another_run"),
    *[
        ("scheduler.runs", COMPLETED | {"cancel_requested_at": NOON, name: instant}, "times_are_readable")
        for name in ("created_at", "cancel_requested_at", "finished_at")
        for instant in ("infinity", "10000-01-01")
    ],
    ("scheduler.runs", RUNNING | {"started_at": "-infinity"}, "times_are_readable"),
    ("scheduler.runs", RUNNING | {"started_at": "0044-03-15 BC"}, "times_are_readable"),
    ("scheduler.graph_jobs", {}, "graph_jobs_tenant_id_run_id_image_id_kind_key"),
    ("scheduler.graph_jobs", {"kind": "full"}, "graph_jobs_kind_check"),
    ("scheduler.graph_jobs", {"status": "running"}, "running_has_lease"),
    ("scheduler.graph_jobs", LEASED | {"lease_expires_at": None}, "running_has_lease"),
    ("scheduler.graph_jobs", LEASED | {"status": "pending"}, "running_has_lease"),
    ("scheduler.graph_jobs", {"status": "completed", "finished_at": NOON}, "completed_has_digest"),
    ("scheduler.graph_jobs", {"result_digest": "abc"}, "graph_jobs_result_digest_check"),
    ("scheduler.graph_jobs", {"status": "failed", "finished_at": NOON}, "failed_has_error"),
    ("scheduler.graph_jobs", {"status": "cancelled"}, "terminal_has_end"),
    *[
        (table, changes | {"image_id": RUN}, constraint)
        for table in ITEM_TABLES
        for changes, constraint in BAD_ITEMS
    ],
    ("scheduler.graph_jobs", BUILT | {"attempts": 0}, "started_when_claimed"),
    ("scheduler.graph_jobs", {"result_digest": HEX}, "only_completed_has_digest"),
    ("scheduler.policy_jobs", DONE | {"attempts": 0}, "started_when_claimed"),
    ("scheduler.policy_jobs", DONE | {"finished_at": NOON - SECOND}, "times_in_order"),
    ("scheduler.policy_jobs", {"result_digest": HEX}, "only_completed_has_digest"),
    ("scheduler.policy_jobs", {"input_digest": HEX}, "only_completed_has_digest"),
    ("scheduler.policy_jobs", {"kind": "simulate"}, "policy_jobs_tenant_id_run_id_image_id_key"),
    ("scheduler.policy_jobs", DONE | {"input_digest": None}, "completed_has_digest"),
    ("scheduler.policy_jobs", DONE | {"result_digest": None}, "completed_has_digest"),
    ("scheduler.policy_jobs", {"status": "running"}, "running_has_lease"),
    ("scheduler.impact_snapshots", {}, "impact_snapshots_tenant_id_run_id_key"),
    ("scheduler.impact_snapshots", {"total": -1}, "impact_snapshots_total_check"),
    ("scheduler.impact_snapshots", {"digest": HEX.upper()[:-1]}, "impact_snapshots_digest_check"),
    ("scheduler.locks", {"key_digest": b"short"}, "locks_key_digest_check"),
    ("scheduler.locks", lock("l") | {"holder": "me", "expires_at": NOON}, "held_has_times"),
    ("scheduler.locks", lock("l") | {"holder": "me", "acquired_at": NOON}, "lease_expires"),
    ("scheduler.locks", lock("l") | HELD | {"expires_at": NOON}, "expires_later"),
    ("scheduler.locks", lock("l") | HELD | {"holder": ""}, "holder_named"),
    ("scheduler.locks", lock("l") | {"fencing_token": 0}, "token_positive"),
    ("scheduler.locks", lock("l") | {"key": "m"}, "matches_key"),
    ("scheduler.locks", lock(""), "key_length"),
    ("scheduler.locks", lock("ä" * 5121), "key_length"),
    ("scheduler.run_summaries", {}, "run_summaries_tenant_id_schedule_id_kind_granularity_bucket_key"),
    ("scheduler.run_summaries", {"granularity": "week"}, "run_summaries_granularity_check"),
    ("scheduler.audit", {"new": None}, "says_what_changed"),
    ("scheduler.audit", {"actor": ""}, "audit_actor_check"),
    ("scheduler.audit", {"tenant_id": ""}, "tenant_is_named"),
    *(
        ("scheduler.audit", {"at": instant}, "at_is_an_instant")
        for instant in ("infinity", "-infinity", "10000-01-01", "0044-03-15 BC")
    ),
    ("scheduler.audit_seals", {"audit_id": IMAGE}, "audit_seals_pkey"),
    ("scheduler.audit_seals", {"seq": 2}, "audit_seals_audit_id_key"),
    ("scheduler.audit_seals", {"seq": 0, "audit_id": IMAGE}, "audit_seals_seq_check"),
    ("scheduler.audit_seals", {"seq": 2, "audit_id": IMAGE, "chain": "globex"}, "chain_is_tenants"),
    ("scheduler.audit_seals", {"seq": 2, "audit_id": IMAGE, "tenant_id": None}, "chain_is_tenants"),
    (
        "scheduler.audit_seals",
        {"chain": "", "tenant_id": "", "seq": 2, "audit_id": IMAGE},
        "audit_seals_tenant_id_check",
    ),
    ("scheduler.audit_seals", {"seq": 2, "audit_id": IMAGE, "hash": b"h"}, "audit_seals_hash_check"),
    (
        "scheduler.audit_seals",
        {"seq": 2, "audit_id": IMAGE, "previous_hash": b""},
        "audit_seals_previous_hash_check",
    ),
    ("inventory.images", {}, "images_tenant_id_registry_repository_identity_key"),
    ("inventory.images", {"digest": "sha256:xyz"}, "images_digest_check"),
    ("inventory.images", {"repository": ""}, "images_repository_check"),
    ("inventory.sboms", {}, "sboms_tenant_id_image_id_digest_key"),
    ("inventory.sboms", {"digest": "1" * 64, "component_count": 0}, "sboms_component_count_check"),
    ("inventory.component_versions", {}, "component_versions_tenant_id_purl_package_version_source_ve_key"),
    ("inventory.advisories", {"id": "A-2", "severity": "bad"}, "advisories_severity_check"),
    ("inventory.advisories", {"id": "A-2", "score": 10.1}, "advisories_score_check"),
    ("inventory.advisory_ranges", {"ordinal": 1, "revision_to": 1}, "ends_after_start"),
    ("inventory.advisory_ranges", {"ordinal": 1, "kind": "GIT"}, "advisory_ranges_kind_check"),
    ("inventory.advisory_imports", {"source": ""}, "advisory_imports_source_check"),
    ("inventory.advisory_imports", {"fingerprint": "x"}, "advisory_imports_fingerprint_check"),
    ("inventory.advisory_imports", {"records": 1, "malformed": 2}, "malformed_are_records"),
    ("inventory.advisory_imports", {"revision": 1}, "revision_of_finished"),
    ("inventory.advisory_imports", {"kind": "sbom"}, "advisory_imports_kind_check"),
    ("inventory.staged_advisories", {}, "staged_advisories_pkey"),
    ("inventory.staged_advisories", {"id": "A-2", "ranges": Jsonb({})}, "staged_advisories_ranges_check"),
    ("inventory.tenant_quarantine", {}, "tenant_quarantine_pkey"),
    ("inventory.tenant_quarantine", {"record": 0}, "tenant_quarantine_record_check"),
    ("inventory.tenant_quarantine", {"record": 2, "kind": "kev"}, "tenant_quarantine_kind_check"),
    ("inventory.tenant_quarantine", {"record": 2, "source": ""}, "tenant_quarantine_source_check"),
    ("inventory.tenant_quarantine", {"record": 2, "file": "x" * 4001}, "tenant_quarantine_file_check"),
    ("inventory.tenant_quarantine", {"record": 2, "line": 0}, "tenant_quarantine_line_check"),
    ("inventory.tenant_quarantine", {"record": 2, "path": "x" * 1001}, "tenant_quarantine_path_check"),
    ("inventory.tenant_quarantine", {"record": 2, "reason": ""}, "tenant_quarantine_reason_check"),
    ("inventory.tenant_quarantine", {"record": 2, "at": "infinity"}, "tenant_quarantine_at_check"),
    ("inventory.quarantine", {}, "quarantine_pkey"),
    ("inventory.quarantine", {"record": 2, "line": 0}, "quarantine_line_check"),
    ("inventory.quarantine", {"record": 2, "reason": ""}, "quarantine_reason_check"),
    ("inventory.quarantine", {"record": 2, "file": "x" * 4001}, "quarantine_file_check"),
    ("inventory.quarantine", {"record": 2, "path": "x" * 1001}, "quarantine_path_check"),
    ("inventory.policies", {}, "policies_tenant_id_name_key"),
    ("inventory.policy_revisions", {}, "policy_revisions_pkey"),
    ("inventory.findings", {}, "findings_pkey"),
    ("inventory.findings", {"verdict": "allow"}, "findings_verdict_check"),
    ("inventory.findings", {"image_id": SBOM}, "new_findings_refer"),
    ("inventory.findings", {"policy_id": RUN}, "new_findings_refer"),
    ("inventory.vex_statements", {"status": "maybe"}, "vex_statements_status_check"),
    ("inventory.vex_statements", {"purl": ""}, "vex_statements_purl_check"),
    ("inventory.vex_statements", {"image": Jsonb({"tag": "1"})}, "vex_statements_image_check"),
    ("inventory.vex_statements", {"purl": None}, "speaks_of_something"),
    ("inventory.vex_statements", {}, "vex_statements_tenant_id_digest_key"),
    ("inventory.exploit_documents", {"kind": "cvss"}, "exploit_documents_kind_check"),
    ("inventory.exploit_documents", {"dated_at": "infinity"}, "exploit_documents_dated_at_check"),
    ("inventory.exploit_documents", {"version": ""}, "exploit_documents_version_check"),
    ("inventory.exploit_documents", {"entries": 0}, "exploit_documents_entries_check"),
    ("inventory.exploit_documents", {"digest": "0"}, "exploit_documents_digest_check"),
    ("inventory.epss_scores", {}, "epss_scores_pkey"),
    ("inventory.epss_scores", {"cve": "cve-2026-1000"}, "epss_scores_cve_check"),
    ("inventory.epss_scores", {"cve": "CVE-2026-1001", "score": float("nan")}, "epss_scores_score_check"),
    ("inventory.epss_scores", {"cve": "CVE-2026-1001", "percentile": -0.1}, "epss_scores_percentile_check"),
    ("inventory.known_exploited", {}, "known_exploited_pkey"),
    ("inventory.known_exploited", {"cve": "GHSA-1"}, "known_exploited_cve_check"),
    (
        "inventory.known_exploited",
        {"cve": "CVE-2026-1001", "added": "infinity"},
        "known_exploited_added_check",
    ),
]
ALLOWED = [
    ("scheduler.triggers", OF_CRON | {"kind": "event", "event": "feed", "next_fire_at": NOON}),
    ("scheduler.schedules", {"name": "b", "only_if": Jsonb({"feed_changed": True}), "max_runs_per_hour": 1}),
    ("scheduler.schedules", {"name": "b", "only_if": Jsonb({"report_older_than_days": 0.5})}),
    ("scheduler.schedules", {"deleted_at": NOON, "deleted_by": "ann"}),
    ("scheduler.triggers", INTERVAL | {"every": timedelta(seconds=1)}),
    ("scheduler.triggers", OF_CRON | {"kind": "once", "at": NOON}),
    ("scheduler.triggers", OF_CRON | {"kind": "event", "event": "feed"}),
    ("scheduler.runs", FIRED | {"scheduled_for": LATER}),
    ("scheduler.runs", {}),
    ("scheduler.runs", RUNNING),
    ("scheduler.runs", COMPLETED),
    ("scheduler.runs", SKIPPED),
    ("scheduler.runs", SKIPPED | {"skipped_count": 1, "skipped_last": NOON}),
    ("scheduler.runs", QUEUED),
    ("scheduler.runs", ENDED),
    ("scheduler.runs", ENDED | RAN | {"cancel_requested_at": NOON, "stats": Jsonb({"n": 1})}),
    ("scheduler.runs", {"state": "cancelled", "finished_at": NOON, "cancel_requested_at": NOON}),
    ("scheduler.launches", TAKEN),
    ("scheduler.launches", TAKEN | {"state": "finished", "finished_at": LATER}),
    ("scheduler.launches", {"state": "dead", "finished_at": NOON}),
    ("scheduler.launches", {"offers": 1, "offered_at": NOON}),
    ("scheduler.runs", {"state": "failed", "finished_at": NOON, "error": "no launch"}),
    ("scheduler.graph_jobs", LEASED | {"image_id": RUN}),
    ("scheduler.graph_jobs", BUILT | {"image_id": RUN}),
    ("scheduler.policy_jobs", DONE | {"image_id": RUN}),
    *[
        (table, changes | {"image_id": RUN})
        for table in ITEM_TABLES
        for changes in (CANCELLED, CANCELLED | BEGUN, {"attempts": 1}, BEGUN | FAILED_ITEM)
    ],
    ("scheduler.locks", lock("l") | HELD),
    ("scheduler.locks", lock("ä" * 5120)),
    ("scheduler.audit_seals", {"seq": 2, "audit_id": IMAGE}),
    ("scheduler.audit_seals", {"chain": "", "tenant_id": None, "audit_id": IMAGE}),
    ("inventory.images", {"digest": "sha256:" + HEX}),
]


def insert(connection: psycopg.Connection, table: str, row: dict[str, object]) -> None:
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(*table.split(".")),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join(map(sql.Placeholder, row)),
    )
    connection.execute(statement, row)


@pytest.fixture(scope="module")
def good_rows(module_database):
    """A connection whose open transaction holds every good row; a test that fails rolls back to that."""
    with psycopg.connect(module_database) as connection:
        for table, row in GOOD.items():
            insert(connection, table, row)
        insert(connection, "scheduler.runs", GOOD["scheduler.runs"] | FIRED | {"id": uuid4()})
        yield connection
        connection.rollback()


def changed(table: str, changes: dict[str, object]) -> dict[str, object]:
    fresh = {"id": uuid4()} if isinstance(GOOD[table].get("id"), UUID) else {}
    return GOOD[table] | fresh | changes


@pytest.mark.parametrize(("table", "changes", "constraint"), BAD)
def test_refuses(good_rows, table, changes, constraint):
    with pytest.raises(psycopg.errors.IntegrityError) as refused, good_rows.transaction():
        insert(good_rows, table, changed(table, changes))
    assert refused.value.diag.constraint_name == constraint


@pytest.mark.parametrize(("table", "changes"), ALLOWED)
def test_allows(good_rows, table, changes):
    with good_rows.transaction(force_rollback=True):
        insert(good_rows, table, changed(table, changes))


def test_refuses_a_text_without_time_zone_nowhere(good_rows):
    naive = good_rows.execute("""
        SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema IN ('scheduler', 'inventory') AND data_type LIKE 'timestamp without%'
    """).fetchall()
    assert naive == []
