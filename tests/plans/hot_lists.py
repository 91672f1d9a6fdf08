"""Hot queries of locks, the audit, schedules and retention."""

from datetime import timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from tests.plans.explain import PAGE as LIMIT
from tests.plans.explain import Hot, first_and_deep
from tests.plans.planting import NOON, WORKER, moment

DAY = timedelta(days=1)

DEEP_ID = {"after_id": UUID(int=60_000)}
LOCK = {"key": "lock 7", "holder": "you", "strategy": "lease", "ttl": DAY, "token": 7, "now": NOON}
QUEUE = LOCK | {"waiter": "you", "stay": DAY, "ticket": 7_010}
LOCKS = [
    Hot("locks/try_acquire", "lock_waiters_pkey", 2, LOCK, None),
    Hot("locks/guard", "locks_pkey", 1, LOCK, None),
    Hot("lock_waiters/wait", "lock_waiters_pkey locks_pkey", 12, QUEUE, None),
    Hot("lock_waiters/leave", "lock_waiters_pkey", 24, QUEUE, None),
    Hot("lock_waiters/wake_first", "lock_waiters_pkey", 1, QUEUE, None),
    Hot("locks/get", "locks_pkey", 1, LOCK, None),
    Hot("locks/renew", "locks_pkey", 1, LOCK, None),
    Hot("locks/release", "locks_pkey", 1, LOCK, None),
    Hot("locks/force_release", "locks_pkey", 2, LOCK, None),
    *first_and_deep("locks/list", "locks_by_key", LIMIT, {}, {"after_key": "lock 5"}, tenant=None),
]
TOLD = {"after_created_at": moment(60_000), "after_id": UUID(int=60_000)}
NOTIFICATIONS = [
    *first_and_deep("notifications/list", "notifications_newest", LIMIT, {}, TOLD),
    Hot(
        "notifications/take_due",
        "notifications_waiting notifications_pkey",
        60,
        {"now": NOON, "until": NOON + DAY, "limit": 20},
        None,
    ),
]
EDIT = {"after_at": moment(60_000), "after_id": UUID(int=60_000)}
EDITS = {
    "": ({}, "audit_of_tenant"),
    "entity": ({"entity": "policy"}, "audit_of_entity"),
    "entity_id": ({"entity_id": "e77"}, "audit_of_entity_id"),
    "actor": ({"actor": "rare"}, "audit_of_actor"),
    "action": ({"action": "delete"}, "audit_of_action"),
    "correlation_id": ({"correlation_id": WORKER}, "audit_of_correlation"),
    "period": ({"since": moment(50_000), "until": moment(150_000)}, "audit_of_tenant"),
}
CHAIN = {"chain": "big", "limit": 100, "after": 100_000}
AUDIT = [
    *(
        c
        for note, (filters, index) in EDITS.items()
        for c in first_and_deep("audit/list", index, LIMIT, filters, EDIT, note)
    ),
    *first_and_deep("audit/list_all", "audit_newest", LIMIT, {}, EDIT, tenant=None),
    *first_and_deep("audit/list_all", "audit_newest", LIMIT, {"until": NOON}, EDIT, "until", None),
    *first_and_deep(
        "audit/list_all",
        "audit_of_correlation",
        LIMIT,
        {"correlation_id": WORKER},
        EDIT,
        "correlation_id",
        None,
    ),
    Hot(
        "audit/list_of_no_tenant",
        "audit_of_tenant audit_of_actor audit_of_action audit_of_entity",
        LIMIT,
        {"limit": LIMIT},
        None,
        paged=True,
    ),
    Hot("audit/get", "audit_pkey audit_of_tenant", 1, {"id": UUID(int=77)}),
    Hot("audit_seals/head", "audit_seals_pkey", 1, CHAIN, None),
    Hot("audit_seals/list_links", "audit_seals_pkey audit_pkey", 200, CHAIN, None),
    Hot("audit_seals/list_waiting", "audit_unsealed_pkey audit_pkey", 5000, {}, None),
    Hot(
        "audit_seals/take_unsealed",
        "audit_unsealed_pkey audit_pkey audit_seals_audit_id_key",
        5000,
        CHAIN,
        None,
        whole="audit_unsealed",
    ),
    Hot("audit_seals/count_unsealed", "audit_unsealed_pkey", 1000, CHAIN, None),
]
NAME = {"after_name": "s100000", "after_id": UUID(int=100_000)}
SHOWN = {"include_deleted": False}
RARE_LABEL = {"label_key": "team", "label_value": "a", "labels": Jsonb({"team": "a", "tier": "prod"})}
FAILING = UUID(int=4)
SCHEDULES = [
    Hot("schedules/list_failing", "schedules_pausing runs_finished", 1500, {"limit": 100}, None),
    Hot("schedules/find_failing", "schedules_pkey schedules_pausing runs_finished", 20, {"id": FAILING}),
    *first_and_deep("schedules/list", "schedules_living_by_name", LIMIT, SHOWN, NAME),
    *first_and_deep("schedules/list", "schedules_by_name", LIMIT, {"include_deleted": True}, NAME, "deleted"),
    *first_and_deep(
        "schedules/list",
        "schedules_living_by_name schedules_by_name",
        LIMIT,
        SHOWN | {"name_prefix": "s10"},
        NAME,
        "prefix",
    ),
    *first_and_deep(
        "schedules/list", "schedules_living_by_name", LIMIT, SHOWN | {"name_prefix": "s"}, NAME, "wide prefix"
    ),
    *first_and_deep("schedules/list", "schedules_by_kind", LIMIT, SHOWN | {"kind": "impact"}, NAME, "kind"),
    *first_and_deep(
        "schedules/list", "schedules_by_enabled", LIMIT, SHOWN | {"enabled": False}, NAME, "enabled"
    ),
    *first_and_deep(
        "schedules/list_labelled",
        "schedule_labels_by_name schedules_pkey schedules_active",
        2 * LIMIT,
        SHOWN | RARE_LABEL,
        NAME,
    ),
    Hot("schedules/get", "schedules_pkey", 1, {"id": UUID(int=77)}),
    Hot("schedules/get_by_name", "schedules_name", 1, {"name": "s000077"}),
    Hot("schedules/lock", "schedules_name", 1, {"name": "s000077"}),
    Hot(
        "schedules/lock_with_listeners",
        "schedules_name schedules_living_by_name schedules_by_name schedules_pkey triggers_of_event",
        10,
        {"name": "s000007", "event": "run_completed:s000007"},
    ),
    Hot("schedules/lock_deleted", "schedules_by_name", 1, {"name": "s000003"}),
    *first_and_deep(
        "schedules/list_versions",
        "schedule_versions_pkey",
        LIMIT,
        {"schedule_id": UUID(int=1)},
        {"after_version": 500},
    ),
    *first_and_deep("triggers/list", "triggers_pkey", LIMIT + 1, {}, DEEP_ID),
    *first_and_deep("triggers/list", "triggers_rare_kinds", LIMIT, {"kind": "once"}, DEEP_ID, "kind"),
    *first_and_deep("triggers/list", "triggers_disabled", LIMIT, {"enabled": False}, DEEP_ID, "enabled"),
    Hot("triggers/list_of_schedule", "triggers_of_schedule", 1, {"schedule_id": UUID(int=77)}),
]
SOME = {"names": ["c000080", "c000160", "c080000"]}
CALENDARS = [
    Hot("calendars/get_many", "calendars_pkey", 3, SOME),
    Hot("calendars/hold", "calendars_pkey", 3, SOME),
    Hot("calendars/read_of", "calendars_pkey", 3, SOME | {"tenants": ["big"] * 3}, None),
    *first_and_deep("calendars/list", "calendars_pkey", LIMIT, {}, {"after_name": "c100000"}),
    *first_and_deep(
        "calendars/list_versions",
        "calendar_versions_pkey",
        LIMIT,
        {"name": "c000008"},
        {"after_version": 500},
    ),
]
AUDITED = {"schedule_id": UUID(int=59_997), "since": moment(1), "until": NOON}
FIRE_AUDIT = [
    Hot("auditing/list_rows", "runs_by_schedule", LIMIT + 50, {"limit": LIMIT} | AUDITED, paged=True),
]
SNAPSHOT_OF_RUN = "impact_snapshots_tenant_id_run_id_key"
PAST = {"before": NOON - 100 * DAY, "batch": 100, "runs": [UUID(int=n) for n in range(10, 110)]}
RETENTION = [
    Hot("retention/delete_trigger_events", "trigger_events_handled trigger_events_pkey", 300, PAST, None),
    Hot("retention/delete_notifications", "notifications_created", 300, PAST, None),
    Hot("retention/list_tenants", "runs_ended runs_retries tenants_pkey", 500, PAST, None),
    Hot("retention/lock_runs", "runs_ended runs_retries", 300, PAST, None),
    Hot("retention/delete_graph_jobs", "graph_jobs_of_run graph_jobs_pkey", 300, PAST, None),
    Hot("retention/delete_policy_jobs", "policy_jobs_of_run policy_jobs_pkey", 300, PAST, None),
    Hot(
        "retention/delete_runs",
        f"runs_pkey runs_retries graph_jobs_of_run policy_jobs_of_run {SNAPSHOT_OF_RUN}",
        1000,
        PAST,
        None,
    ),
    Hot("retention/delete_snapshots", f"{SNAPSHOT_OF_RUN} impact_snapshot_images_pkey", 200, PAST, None),
    Hot(
        "retention/delete_snapshot_images", f"{SNAPSHOT_OF_RUN} impact_snapshot_images_pkey", 500, PAST, None
    ),
    Hot("retention/delete_launches", "launches_ended launches_pkey runs_of_launch", 10_000, PAST, None),
    Hot("retention/delete_workers", "workers_ended workers_pkey runs_of_worker", 10_000, PAST, None),
]
