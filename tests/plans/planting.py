"""Rows for the plans: 200,000 in every large table, four fifths of them of one tenant, all told by their number.

Row n of a table has the id UUID(int=n). Rows 1 to 160,000 are of `big`,
    a minute apart; each 2,000 after them of `t01`
to `t20`, 80 minutes apart. Rare values come once in about 2,000 rows, so each filter has little to find.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from psycopg import Connection

from tests.plans.planting_inventory import plant_inventory

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
ROWS, OF_BIG, OF_SMALL = 200_000, 160_000, 2_000
RARE = 2_003
BUSY, ITEMS_OF_BUSY = 159_700, 20_000
"""A run of big that is at work, and how many work items and lines are its own."""
WORKER = UUID(int=7)


def moment(row: int) -> datetime:
    """When run `row` of big was planned."""
    return NOON - timedelta(minutes=OF_BIG - row)


# Of `many`: n, id and tenant_id, the place among the tenant's rows from 1, how many rows follow it, and the instant.
BEFORE = f"""
CREATE FUNCTION pg_temp.key(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
RETURN lpad(to_hex(n), 32, '0')::uuid;

CREATE TEMP TABLE many AS
SELECT n, pg_temp.key(n) AS id, tenant_id, place, size - place AS age, n - place AS base,
    '{NOON}'::timestamptz - (size - place) * step AS at
FROM generate_series(1, {ROWS}) AS n, LATERAL (
    SELECT 'big', n, {OF_BIG}, interval '1 minute' WHERE n <= {OF_BIG}
    UNION ALL
    SELECT 't' || to_char((n - {OF_BIG} - 1) / {OF_SMALL} + 1, 'FM00'), (n - {OF_BIG} - 1) % {OF_SMALL} + 1,
        {OF_SMALL}, interval '80 minutes'
    WHERE n > {OF_BIG}) AS of (tenant_id, place, size, step);

CREATE TEMP TABLE planned AS
SELECT m.*, CASE WHEN n % {RARE} = 2 THEN 'retry' WHEN n % 4 = 0 THEN 'manual' WHEN n % {RARE} = 1 THEN 'event'
        ELSE 'interval' END AS trigger_kind,
    pg_temp.key(base + n % 100) AS schedule_id, pg_temp.key((n + 4) / 5) AS launch_id,
    CASE WHEN age < size_of_queue THEN 'pending' WHEN age < size_of_queue * 7 / 6 THEN 'running'
         WHEN age < size_of_queue * 8 / 6 THEN 'queued' WHEN n % 10 = 3 THEN 'skipped'
         WHEN n % {RARE} = 7 THEN 'cancelled' WHEN n % 20 = 5 THEN 'failed' ELSE 'completed' END AS state
FROM many AS m, LATERAL (SELECT CASE WHEN n <= {OF_BIG} THEN 300 ELSE 30 END) AS of (size_of_queue);
"""

INDEXES = """
    SELECT x.relname, pg_get_indexdef(x.oid) FROM pg_index AS i JOIN pg_class AS x ON x.oid = i.indexrelid
    WHERE i.indrelid = ('scheduler.' || %s)::regclass AND x.relkind = 'i'
      AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = x.oid)"""
"""Those of a table that no constraint needs and that are not partitioned."""

CHECKS = """
    SELECT conrelid::regclass::text, quote_ident(conname) FROM pg_constraint
    WHERE contype = 'c' AND conparentid = 0 AND coninhcount = 0
      AND connamespace IN ('scheduler'::regnamespace, 'inventory'::regnamespace)"""

TABLES = {
    "tenants": """
SELECT DISTINCT tenant_id, tenant_id AS display_name, 1000 AS max_concurrent_runs,
    NULL::timestamptz AS claimed_at,
    min(at) AS created_at, 'sql' AS created_by FROM many GROUP BY tenant_id""",
    "schedules": f"""
SELECT tenant_id, id, 's' || to_char(n, 'FM000000') AS name,
    CASE WHEN n % {RARE} = 0 THEN 'impact' ELSE 'graph' END AS kind,
    CASE WHEN n % {RARE} = 2 THEN '{{"team": "a",
    "tier": "prod"}}'::jsonb WHEN n % 20 = 0 THEN '{{"team": "b"}}' ELSE '{{}}'
        END AS labels,
    CASE n % 10 WHEN 5 THEN 'cancel_running' WHEN 7 THEN 'allow' ELSE 'skip' END AS overlap,
    n % {RARE} <> 1 AS enabled, CASE n % {RARE} WHEN 4 THEN 3 END AS pause_after_failures,
    at AS created_at, 'sql' AS created_by, at AS updated_at, 'sql' AS updated_by,
    CASE n % {RARE} WHEN 3 THEN at END AS deleted_at,
    CASE n % {RARE} WHEN 3 THEN 'sql' END AS deleted_by FROM many""",
    "schedule_labels": f"""
SELECT tenant_id, id AS schedule_id, 'team' AS key, CASE n % {RARE} WHEN 2 THEN 'a' ELSE 'b' END AS value,
    's' || to_char(n, 'FM000000') AS name
FROM many WHERE n % {RARE} = 2 OR n % 20 = 0""",
    "schedule_versions": """
SELECT tenant_id, CASE WHEN n <= 5000 THEN pg_temp.key(1) ELSE id END AS schedule_id,
    CASE WHEN n <= 5000 THEN n ELSE 1 END AS version, at AS valid_from, 'sql' AS changed_by,
    '{}'::jsonb AS content
FROM many WHERE n <= 20000""",
    "triggers": f"""
SELECT tenant_id, id, id AS schedule_id, CASE WHEN once THEN 'once' ELSE 'interval' END AS kind,
    CASE WHEN NOT once THEN interval '1 day' END AS every, CASE WHEN NOT once THEN at END AS anchor,
    CASE WHEN once THEN m.at END AS at, n % {RARE} <> 1 AS enabled,
    CASE WHEN n % {RARE} <> 3 THEN '{NOON}'::timestamptz + (place - due) * interval '1 minute' END AS next_fire_at,
    m.at AS created_at, m.at AS updated_at, CASE n % {RARE} WHEN 3 THEN m.at END AS deleted_at,
    CASE n % {RARE} WHEN 5 THEN ARRAY['c' || n] ELSE '{{}}' END AS calendars
FROM many AS m, LATERAL (SELECT n % {RARE} = 0,
    CASE WHEN n <= {OF_BIG} THEN 200 ELSE 2 END) AS of (once, due)""",
    "trigger_events": """
SELECT tenant_id, pg_temp.key(base + 1 + place % 100) AS trigger_id, at, 'sbom_ingested' AS event,
    CASE WHEN age >= 200 THEN at END AS handled_at
FROM many""",
    "calendars": """
SELECT tenant_id, 'c' || to_char(n, 'FM000000') AS name, 'exclude' AS mode, 'UTC' AS timezone,
    'skip' AS on_excluded, '[]'::jsonb AS entries, 1 AS version, at AS created_at, 'sql' AS created_by,
    at AS updated_at, 'sql' AS updated_by
FROM many WHERE n % 8 = 0""",
    "calendar_versions": """
SELECT tenant_id, CASE WHEN n <= 5000 THEN 'c000008' ELSE 'c' || to_char(n, 'FM000000') END AS name,
    CASE WHEN n <= 5000 THEN n ELSE 1 END AS version, at AS valid_from, 'sql' AS changed_by
FROM many WHERE n <= 20000""",
    "notifications": """
SELECT tenant_id, id, 'schedule_paused' AS kind, 's' || n AS subject, 'paused' AS message, at AS created_at,
    1 AS attempts, at AS available_at, CASE WHEN age >= 200 THEN at END AS delivered_at
FROM many""",
    "launches": """
SELECT id, owner, kind,
    CASE WHEN acknowledged_at IS NULL THEN 'offered' WHEN finished_at IS NULL THEN 'acknowledged' ELSE 'finished'
        END AS state, offers, offered_at, dagster_run_id, at AS created_at, acknowledged_at, finished_at
FROM (
    SELECT CASE n % 5 WHEN 0 THEN launch_id ELSE id END AS id,
    CASE n % 50 WHEN 0 THEN 'other' ELSE 'home' END AS owner, 'graph' AS kind,
        CASE WHEN state = 'pending' THEN 0 ELSE 1 END AS offers,
    CASE WHEN state <> 'pending' THEN at END AS offered_at,
        CASE WHEN state NOT IN ('pending', 'queued') THEN 'd' || n END AS dagster_run_id, at,
        CASE WHEN state NOT IN ('pending', 'queued') THEN at END AS acknowledged_at,
        CASE WHEN state NOT IN ('pending', 'queued',
    'running') THEN at + interval '5 minutes' END AS finished_at
    FROM planned WHERE n % 5 = 0 OR n % 50 = 1 AND n > 40000 AND age >= 400) AS packed""",
    "workers": f"""
SELECT launch_id AS id, 'h' || n % {RARE} AS host, 1 AS pid, '{{graph}}'::text[] AS kinds, 1 AS capacity,
    '0' AS version,
    CASE WHEN state IN ('pending',
    'queued') THEN 'active' WHEN state <> 'running' THEN 'gone' WHEN n % 50 = 0 THEN 'dead'
        ELSE 'draining' END AS status,
    at AS registered_at, at AS last_heartbeat_at,
    CASE WHEN state NOT IN ('pending', 'queued',
    'running') OR (state = 'running' AND n % 50 = 0) THEN at END AS ended_at
FROM planned WHERE n % 5 = 0""",
    "runs": f"""
SELECT tenant_id, id, CASE WHEN trigger_kind <> 'manual' THEN schedule_id END AS schedule_id,
    CASE WHEN trigger_kind <> 'manual' THEN 1 END AS schedule_version,
    CASE WHEN trigger_kind IN ('interval', 'event') THEN schedule_id END AS trigger_id, trigger_kind,
    CASE WHEN n % {RARE} = 5 THEN 'policy' WHEN n % 10 = 1 THEN 'impact' ELSE 'graph' END AS kind,
    CASE WHEN n % {RARE} = 5 THEN 'full' END AS mode, state,
    CASE state WHEN 'skipped' THEN 'overlap' END AS reason,
    CASE WHEN started THEN n END AS fencing_token, at AS scheduled_for, at AS available_at,
    CASE WHEN started OR state = 'queued' THEN launch_id END AS launch_id,
    CASE WHEN started THEN 'd' || n END AS dagster_run_id,
    CASE WHEN started THEN launch_id END AS worker_id,
    CASE trigger_kind WHEN 'retry' THEN pg_temp.key(n - 1) END AS retry_of,
    'sql' AS requested_by, CASE state WHEN 'skipped' THEN 1 END AS skipped_count,
    CASE state WHEN 'skipped' THEN at END AS skipped_first,
    CASE state WHEN 'skipped' THEN at END AS skipped_last,
    CASE state WHEN 'failed' THEN 'boom' END AS error, at AS created_at,
    CASE WHEN started THEN at END AS started_at,
    CASE WHEN state NOT IN ('pending', 'queued', 'running') THEN at + interval '5 minutes' END AS finished_at
FROM planned, LATERAL (SELECT state IN ('running', 'completed', 'failed')) AS of (started)""",
    "execution_logs": f"""
SELECT tenant_id, pg_temp.key(CASE WHEN n > {OF_BIG} OR n % 8 > 0 THEN (n - 1) / 2 * 2 + 2 ELSE {BUSY} END) AS run_id,
    1 AS attempt, n AS line, at,
    CASE WHEN n % {RARE} = 4 THEN 'error' ELSE 'info' END AS level, 'said ' || n AS message
FROM many""",
    "run_summaries": f"""
SELECT 'big' AS tenant_id,
    CASE WHEN k > 0 THEN pg_temp.key(k) END AS schedule_id, 'graph' AS kind, granularity,
    date_trunc(granularity, '{NOON}'::timestamptz, 'UTC') - n * ('1 ' || granularity)::interval AS bucket,
    1 AS completed, 0 AS failed, 0 AS cancelled, 0 AS skipped, '{NOON}'::timestamptz AS updated_at
FROM (VALUES ('hour', 2664), ('day', 111)) AS of (granularity, periods), generate_series(0, periods - 1) AS n,
    generate_series(0, 99) AS k
WHERE k % 4 > 0 OR k = 0""",
    "impact_snapshots": """
SELECT tenant_id, id, id AS run_id, schedule_id, '{}'::jsonb AS selector, 1 AS feed_revision, 1 AS total,
    0 AS unknown,
    repeat('0', 64) AS digest, at AS created_at
FROM planned WHERE n % 10 = 1""",
    "impact_snapshot_images": """
SELECT tenant_id, id AS snapshot_id, pg_temp.key(image) AS image_id, '[]'::jsonb AS reasons
FROM many, generate_series(1, CASE WHEN n <= 11 THEN 10000 ELSE 9 END) AS image WHERE n % 10 = 1""",
    "audit": f"""
SELECT id, CASE WHEN n % {RARE} > 0 THEN tenant_id END AS tenant_id, at,
    CASE n % 20001 WHEN 1 THEN 'rare' ELSE 'ann' END AS actor,
    CASE n % 20001 WHEN 2 THEN 'delete' ELSE 'pause' END AS action,
    CASE n % 20001 WHEN 3 THEN 'policy' ELSE 'schedule' END AS entity, 'e' || n % 5001 AS entity_id,
    '{{}}'::jsonb AS new,
    CASE n % 20001 WHEN 4 THEN '{WORKER}'::uuid ELSE id END AS correlation_id
FROM many""",
    "audit_unsealed": "SELECT tenant_id AS chain, at, id AS audit_id FROM many WHERE age < 100",
    "audit_seals": r"""
SELECT tenant_id AS chain, tenant_id, place AS seq, id AS audit_id, decode(repeat('00', 32),
    'hex') AS previous_hash,
    decode(repeat('00', 32), 'hex') AS hash, at AS sealed_at
FROM many WHERE age >= 100""",
    "locks": f"""
SELECT scheduler.lock_digest('lock ' || n) AS key_digest, 'lock ' || n AS key, 'lease' AS strategy,
    'me' AS holder,
    n AS fencing_token, at AS acquired_at, '{NOON}'::timestamptz + interval '1 day' AS expires_at
FROM many WHERE n <= 20000""",
    "lock_waiters": f"""
SELECT scheduler.lock_digest('lock ' || n / 1000) AS key_digest, n AS ticket, 'me' AS waiter, at AS since,
    '{NOON}'::timestamptz + interval '1 day' AS expires_at
FROM many WHERE n <= 20000""",
}
# A hundred to each hundredth run, those of running runs at work; and many of the busy run, a tenth not taken yet.
ITEMS = f"""
SELECT tenant_id, id, run_id, image_id, id AS sbom_id, status,
    CASE WHEN status = 'pending' THEN 0 ELSE 1 END AS attempts,
    CASE status WHEN 'running' THEN '{WORKER}' END AS lease_owner,
    CASE status WHEN 'running' THEN at + n % 3600 * interval '1 second' + interval '1 second' END AS lease_expires_at,
    at AS created_at, CASE WHEN status <> 'pending' THEN at END AS started_at,
    CASE status WHEN 'completed' THEN at END AS finished_at,
    CASE status WHEN 'completed' THEN repeat('0', 64) END AS result_digest
FROM (
    SELECT tenant_id, n, id, pg_temp.key((n - 1) / 100 * 100 + 100) AS run_id,
    pg_temp.key(n % 1000) AS image_id, at,
        CASE WHEN age >= 400 THEN 'completed' WHEN age < 300 THEN 'pending' ELSE 'running' END AS status
    FROM many
    UNION ALL
    SELECT 'big', n, pg_temp.key({ROWS} + n), pg_temp.key({BUSY}), pg_temp.key({ROWS} + n), '{moment(BUSY)}',
        CASE WHEN n <= {ITEMS_OF_BUSY} * 8 / 10 THEN 'completed' WHEN n <= {ITEMS_OF_BUSY} * 9 / 10 THEN 'running'
            ELSE 'pending' END
    FROM generate_series(1, {ITEMS_OF_BUSY}) AS n) AS items"""
TABLES["graph_jobs"] = f"SELECT *, 'build' AS kind FROM ({ITEMS}) AS items"
TABLES["policy_jobs"] = f"SELECT *, 'full' AS kind, result_digest AS input_digest FROM ({ITEMS}) AS items"


def plant(admin: Connection) -> None:
    """Loads every table, one statement each, without the work of foreign keys, triggers and checks; indexes come after.

    The checks do not come back: no plan goes by them.
    """
    admin.execute("SET session_replication_role = replica")
    for table, name in admin.execute(CHECKS).fetchall():
        admin.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    admin.execute("SELECT scheduler.ensure_log_partitions(%s, %s)", [NOON - timedelta(days=112), NOON])
    admin.execute(BEFORE)
    for table, rows in TABLES.items():
        names = admin.execute(f"SELECT * FROM ({rows}) AS planted LIMIT 0").description or ()
        columns = ", ".join(column.name for column in names)
        indexes = admin.execute(INDEXES, [table]).fetchall()
        for name, _ in indexes:
            admin.execute(f"DROP INDEX scheduler.{name}")
        admin.execute(f"INSERT INTO scheduler.{table} ({columns}) {rows}")
        for _, definition in indexes:
            admin.execute(definition)
    plant_inventory(admin)
    admin.execute("VACUUM ANALYZE")
