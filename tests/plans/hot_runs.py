"""Hot queries of the claim, of launches and workers, and of the ledger."""

from datetime import timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from resources.states import RunState
from tests.plans.explain import PAGE as LIMIT
from tests.plans.explain import Hot, first_and_deep
from tests.plans.planting import BUSY, NOON, OF_BIG, moment

DAY = timedelta(days=1)
TENANTS = ["big", *(f"t{number:02}" for number in range(1, 21))]
DUE = [UUID(int=number) for number in range(4, 54)]
FIRED = {"tenants": ["big"] * 50, "schedules": DUE}
PENDING = [UUID(int=OF_BIG - number) for number in range(50)]
LAUNCH, QUEUED_LAUNCH = UUID(int=BUSY // 5), UUID(int=(BUSY - 60) // 5)
CARRYING = [UUID(int=BUSY // 5 - number) for number in range(100)]
AT = {"now": NOON, "limit": 100, "per_tenant": 100, "tenants": TENANTS}
ATTEMPT = {"id": UUID(int=BUSY), "token": BUSY, "now": NOON}
NEW_RUNS = {
    name: [value] * 50
    for name, value in {
        "tenant_id": "big", "schedule_version": 1, "trigger_kind": "interval", "kind": "graph", "mode": None,
        "selection": Jsonb({}), "priority": 0, "reason": None, "scheduled_for": NOON + DAY, "requested_by": "sql",
        "skipped_count": None, "skipped_first": None, "skipped_last": None,
    }.items()
}  # fmt: skip
NEW_RUNS |= {
    "id": [UUID(int=1_000_000 + n) for n in range(50)],
    "schedule_id": DUE,
    "trigger_id": DUE,
    "now": NOON,
}
MOVED = {
    "tenants": ["big"] * 50, "ids": DUE, "next_fire_at": [NOON + DAY] * 50, "last_fire_at": [NOON] * 50,
    "fires": [1] * 50, "misfires": [0] * 50, "due_delay": [timedelta()] * 50, "now": NOON,
}  # fmt: skip

CLAIM = [
    Hot("tenants/lock_due", "triggers_due tenants_pkey", 100, AT, None),
    Hot(
        "tenants/lock_waiting",
        "triggers_due runs_pending runs_open runs_by_state runs_running schedules_pkey tenants_pkey",
        2000,
        AT,
        None,
    ),
    Hot("tenants/mark_served", "tenants_pkey", 50, AT, None),
    Hot("tenants/lock_capacity", "tenants_pkey", 21, {}, None),
    Hot("schedules/lock_due", "triggers_due schedules_pkey schedules_active", 1000, AT, None),
    Hot("triggers/lock_due", "triggers_of_schedule triggers_pkey triggers_due", 500, AT | FIRED, None),
    Hot("triggers/next_due_at", "triggers_due", 50, {}, None),
    Hot("triggers/advance_many", "triggers_pkey", 50, MOVED, None),
    Hot(
        "trigger_events/list_waiting",
        "trigger_events_waiting",
        250,
        AT | {"triggers": DUE, "tenants": ["big"] * 50},
        None,
    ),
    Hot(
        "trigger_events/handle_many",
        "trigger_events_waiting trigger_events_pkey",
        250,
        {"tenants": ["big"] * 50, "triggers": DUE, "before": [NOON + DAY] * 50, "now": NOON},
        None,
    ),
    Hot(
        "trigger_events/record",
        "triggers_of_event triggers_pkey schedules_pkey schedules_active",
        100,
        {"event": "sbom_ingested", "of_tenant": "big", "now": NOON},
    ),
    Hot("triggers/delay_many", "triggers_pkey", 50, MOVED, None),
    Hot("triggers/get_due", "triggers_due schedules_pkey schedules_active", 500, AT),
    Hot("schedules/get_due", "triggers_due schedules_pkey schedules_active", 500, AT),
    Hot("runs/insert_many", "", 0, NEW_RUNS, None),
    Hot("runs/count_open", "runs_open schedules_pkey", 1000, FIRED, None),
    Hot(
        "runs/read_firing_facts",
        "schedules_pkey runs_fired runs_completed policies_pkey feed_revisions_pkey feed_revisions_created",
        1000,
        FIRED | {"now": NOON},
        None,
        whole="tenants policies",
    ),
    Hot("runs/cancel_waiting_of_schedules", "runs_open runs_pkey", 1000, AT | FIRED, None),
    Hot(
        "runs/cancel_covered",
        "runs_pending runs_by_state runs_by_trigger_kind runs_open runs_completed schedules_pkey runs_pkey",
        10_000,
        AT,
        None,
    ),
    Hot(
        "runs/stop_superseded",
        "runs_running runs_pending runs_by_state runs_open schedules_pkey runs_pkey",
        5000,
        AT,
        None,
    ),
    Hot("runs/count_active", "runs_by_state runs_open", 200),
    Hot("runs/read_launchable", "runs_pending runs_open schedules_pkey runs_by_state", 10_000, AT, None),
    Hot(
        "runs/enqueue_many",
        "runs_pkey runs_pending runs_open",
        5000,
        {"tenants": ["big"] * 50, "ids": PENDING, "launches": [LAUNCH] * 50},
        None,
    ),
]
OFFER = {"owner": "home", "now": NOON, "lease": timedelta(minutes=5), "limit": 100, "before": NOON}
TAKEN = {"id": LAUNCH, "launch_id": LAUNCH, "dagster_run_id": f"d{BUSY}", "worker_id": LAUNCH, "now": NOON}
SILENT = {"now": NOON, "limit": timedelta(minutes=1)}
LAUNCHES = [
    Hot("launches/offer", "launches_offered launches_pkey", 300, OFFER, None),
    Hot(
        "launches/describe_many",
        "launches_pkey runs_of_launch schedules_pkey",
        500,
        {"ids": [UUID(int=n) for n in range(101, 141)]},
        None,
    ),
    Hot("launches/list_open", "launches_open", 300, OFFER, None),
    Hot("launches/get", "launches_pkey", 1, TAKEN, None),
    Hot("launches/acknowledge", "launches_pkey", 1, TAKEN | {"id": QUEUED_LAUNCH}, None),
    Hot("launches/finish", "launches_pkey", 1, TAKEN, None),
    Hot("runs/list_of_launch", "runs_of_launch schedules_pkey", 20, TAKEN, None),
    Hot("runs/open_of_launch", "launches_pkey runs_of_launch runs_pkey", 20, TAKEN, None),
    Hot("workers/heartbeat", "workers_pkey", 1, {"id": UUID(int=31_990), "now": NOON}, None),
    Hot(
        "workers/find_dead",
        "workers_alive",
        200,
        {"now": NOON, "silent_for": timedelta(minutes=1), "limit": 100},
        None,
    ),
    Hot("workers/list_alive_of", "workers_alive", 5000, {"dagster_runs": ["dagster-31990"]}, None),
    Hot("workers/declare_dead", "workers_alive", 5000, SILENT, None),
    Hot("workers/list", "workers_pkey", LIMIT, {"limit": LIMIT}, None, paged=True),
    Hot("workers/count_running", "runs_running", 200, {"worker_ids": CARRYING}, None),
    Hot(
        "runs/list_abandoned",
        "runs_running runs_by_state runs_open workers_pkey schedules_pkey",
        2000,
        {"limit": 100},
        None,
        skips=True,
    ),
    Hot(
        "runs/list_overdue",
        "runs_running runs_by_state runs_open schedules_pkey",
        2000,
        {"now": NOON, "grace": timedelta(minutes=1), "limit": 100},
        None,
        skips=True,
    ),
    Hot("launches/see_owner", "instances_pkey", 1, OFFER | {"often": timedelta(seconds=5)}, None),
    Hot(
        "launches/list_orphaned",
        "launches_offered launches_open instances_pkey",
        500,
        {"now": NOON, "silent_for": timedelta(minutes=2), "limit": 100},
        None,
        whole="instances",
        skips=True,
    ),
]
DEEP = {"after_scheduled_for": moment(60_000), "after_id": UUID(int=60_000)}
DEEP_PENDING = {"after_priority": 0, "after_scheduled_for": moment(159_800), "after_id": UUID(int=159_800)}
A_DAY = {"states": [*RunState], "since": moment(60_000), "until": moment(61_440)}
NAMED = "schedules_pkey"
PAGE = 2 * LIMIT
"""Runs, and the names of their schedules."""
FILTERS = {
    "": ({}, "runs_by_time"),
    "kind": ({"kind": "policy"}, "runs_by_kind"),
    "trigger_kind": ({"trigger_kind": "event"}, "runs_by_trigger_kind"),
    "schedule": ({"schedule_id": UUID(int=1)}, "runs_by_schedule"),
    "since": ({"since": moment(1_000)}, "runs_by_time"),
    "until": ({"until": NOON}, "runs_by_time"),
}
LONG = {"since": moment(1_000), "until": NOON}
STATES = [["failed"], ["cancelled"], ["running"], ["completed", "failed"]]
LEDGER = [
    Hot("runs/get", "runs_pkey schedules_pkey", 2, ATTEMPT),
    Hot("runs/hold_attempt", "runs_pkey", 1, ATTEMPT),
    Hot("runs/begin_attempt", "runs_pkey schedules_pkey", 2, ATTEMPT),
    Hot(
        "runs/finish",
        "runs_pkey",
        1,
        ATTEMPT | {"state": "completed", "stats": Jsonb({}), "deltas": Jsonb({})},
    ),
    Hot("runs/cancel", "runs_pkey", 1, ATTEMPT | {"reason": "because"}),
    *(
        case
        for query in ("list", "list_back")
        for name, (filters, index) in FILTERS.items()
        for case in first_and_deep(f"runs/{query}", f"{index} {NAMED}", PAGE, filters, DEEP, name)
    ),
    *(
        case
        for query in ("list_of_states", "list_of_states_back")
        for states in STATES
        for period, note in (({}, "+".join(states)), (LONG, f"{'+'.join(states)} period"))
        for case in first_and_deep(
            f"runs/{query}", f"runs_by_state {NAMED}", 2 * PAGE, {"states": states} | period, DEEP, note
        )
    ),
    *first_and_deep("runs/list_pending", f"runs_pending {NAMED}", 2 * PAGE, {}, DEEP_PENDING),
    Hot("runs/count_by_state", "runs_by_state", 1450, A_DAY),
    Hot(
        "runs/list_finished_since",
        f"runs_ended {NAMED}",
        PAGE + 10,
        {"since": moment(60_000), "limit": LIMIT},
    ),
]
