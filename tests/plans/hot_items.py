"""Hot queries of work items, logs, summaries and snapshots."""

from datetime import timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from tests.plans.explain import PAGE as LIMIT
from tests.plans.explain import Hot, first_and_deep
from tests.plans.planting import BUSY, NOON, ROWS, WORKER, moment

DAY, YEAR = timedelta(days=1), timedelta(days=365)


RUNNING = [UUID(int=ROWS + 16_001 + number) for number in range(100)]
HELD = {
    "ids": RUNNING, "attempts": [1] * 100, "worker": str(WORKER), "now": NOON, "lease": timedelta(minutes=1),
    "stats": [Jsonb({})] * 100, "result_digests": ["0" * 64] * 100, "input_digests": ["0" * 64] * 100,
}  # fmt: skip
OF_BUSY = {
    "run_id": UUID(int=BUSY),
    "worker": str(WORKER),
    "lease": timedelta(minutes=1),
    "now": NOON,
    "limit": 100,
}
NEW_ITEMS = {
    "ids": [UUID(int=10**9 + n) for n in range(100)],
    "images": [UUID(int=10**9 + n) for n in range(100)],
}
NEW_ITEMS |= {"sboms": NEW_ITEMS["images"], "run_id": UUID(int=BUSY), "now": NOON}
DIGEST = "0" * 64
RECORDED = {"run_id": UUID(int=BUSY), "kind": "full", "began_at": NOON, "now": NOON}
RECORDED |= {
    "evaluated": Jsonb(
        [
            {"id": str(new), "image_id": str(new), "sbom_id": str(new), "stats": {}}
            | {"input_digest": DIGEST, "result_digest": DIGEST}
            for new in NEW_ITEMS["ids"]
        ]
    )
}
DEEP_ID = {"after_id": UUID(int=60_000)}
WORK_ITEMS = [
    case
    for table, kind in (("graph_jobs", "build"), ("policy_jobs", "full"))
    for case in (
        Hot(f"{table}/claim", f"{table}_open {table}_pkey", 2500, OF_BUSY),
        Hot(f"{table}/renew", f"{table}_pkey {table}_of_status", 100, HELD),
        Hot(f"{table}/complete_many", f"{table}_pkey {table}_of_status", 100, HELD),
        Hot(
            f"{table}/fail",
            f"{table}_pkey {table}_of_status",
            100,
            HELD | {"error": "boom", "stats": Jsonb({})},
        ),
        Hot(f"{table}/insert_many", "", 0, NEW_ITEMS | {"kind": kind}),
        Hot(f"{table}/requeue_expired", f"{table}_leased {table}_pkey", 200, OF_BUSY, None),
        Hot(f"{table}/requeue_of_run", f"{table}_open {table}_leased", 20_000, OF_BUSY),
        Hot(f"{table}/list_of_run", f"{table}_of_run", 100, {"run_id": UUID(int=100)}),
        Hot(f"{table}/count_by_status", f"{table}_of_run", 100, {"run_id": UUID(int=100)}),
        Hot(f"{table}/get", f"{table}_pkey", 1, {"id": RUNNING[0]}),
        *first_and_deep(f"{table}/list", f"{table}_pkey", LIMIT, {}, DEEP_ID),
        *first_and_deep(
            f"{table}/list", f"{table}_of_run", LIMIT, {"run_id": UUID(int=BUSY)}, DEEP_ID, "run"
        ),
        *first_and_deep(
            f"{table}/list", f"{table}_of_status", LIMIT, {"status": "running"}, DEEP_ID, "status"
        ),
        *first_and_deep(
            f"{table}/list", f"{table}_of_image", LIMIT, {"image_id": UUID(int=1)}, DEEP_ID, "image"
        ),
    )
] + [
    Hot(
        "graph_jobs/last_digest",
        "graph_jobs_of_image",
        160,
        {"image_id": UUID(int=77), "sbom_id": UUID(int=77)},
    ),
    Hot("policy_jobs/record_many", "", 0, RECORDED),
    Hot(
        "policy_jobs/last_evaluations",
        "policy_jobs_evaluated",
        100,
        {"images": [UUID(int=n) for n in range(100)]},
    ),
]
LOGS = [
    *first_and_deep(
        *(
            "execution_logs/tail",
            "execution_logs_pkey",
            LIMIT + 20,
            {"run_id": UUID(int=BUSY), "attempt": 0, "line": 0},
        ),
        {"after_attempt": 1, "after_line": 150_000},
    ),
    *first_and_deep(
        *("execution_logs/search", "execution_logs_tenant_id_at_run_id_attempt_line_idx", LIMIT + 1),
        {"since": NOON - YEAR, "until": NOON + DAY},
        {
            "after_at": moment(60_000),
            "after_run_id": UUID(int=60_000),
            "after_attempt": 1,
            "after_line": 60_000,
        },
    ),
]
ONE_SUMMARY = "run_summaries_tenant_id_schedule_id_kind_granularity_bucket_key"
SUMMARIES = [
    Hot(
        "run_summaries/roll_up",
        "runs_finished",
        1440,
        {
            "schedule_id": schedule,
            "kind": "graph",
            "now": NOON,
            "hours": [NOON - DAY],
            "day": moment(60_000),
            "next_day": moment(61_440),
        },
        note=note,
    )
    for note, schedule in (("schedule", UUID(int=1)), ("none", None))
] + [
    Hot(
        "run_summaries/list_stale",
        f"runs_skipped_or_cancelled run_summaries_of_schedule {ONE_SUMMARY}",
        2000,
        {"since": moment(159_000), "settled": timedelta(minutes=10), "limit": 100},
        None,
    ),
    *first_and_deep(
        "run_summaries/list",
        "run_summaries_newest",
        2 * LIMIT,
        {"granularity": "hour"},
        {"after_bucket": NOON - 60 * DAY, "after_schedule_key": UUID(int=50), "after_kind": "graph"},
    ),
    *first_and_deep(
        "run_summaries/list",
        "run_summaries_of_schedule",
        2 * LIMIT,
        {"granularity": "hour", "schedule_id": UUID(int=3)},
        {"after_bucket": NOON - 60 * DAY, "after_schedule_key": UUID(int=3), "after_kind": "graph"},
        "schedule",
    ),
]
SNAPSHOT = {"id": UUID(int=1), "snapshot_id": UUID(int=1), "run_id": UUID(int=1), "schedule_id": UUID(int=21)}
SNAPSHOTS = [
    Hot("impact_snapshots/get", "impact_snapshots_pkey", 1, SNAPSHOT),
    Hot("impact_snapshots/get_of_run", "impact_snapshots_tenant_id_run_id_key", 1, SNAPSHOT),
    Hot("impact_snapshots/latest_of_schedule", "impact_snapshots_of_schedule", 2, SNAPSHOT),
    Hot(
        "impact_snapshots/diff",
        "impact_snapshots_pkey impact_snapshot_images_pkey",
        20_002,
        {"earlier": UUID(int=1), "later": UUID(int=11)},
    ),
    *first_and_deep("impact_snapshots/list", "impact_snapshots_pkey", LIMIT, {}, DEEP_ID),
    *first_and_deep(
        "impact_snapshots/list",
        "impact_snapshots_of_schedule",
        LIMIT,
        {"schedule_id": UUID(int=21)},
        DEEP_ID,
        "schedule",
    ),
    *first_and_deep(
        "impact_snapshots/page_images",
        "impact_snapshot_images_pkey",
        LIMIT,
        SNAPSHOT,
        {"after_image_id": UUID(int=5000)},
    ),
]
