-- Writes what a run found: pairs of an image and what was decided. Guard: one row per image, policy, component and advisory;
-- first sight stays while it is open. What is found of an image without any row is inserted plainly: nobody else writes the
-- tenant's findings meanwhile, see policy_jobs/lock.
WITH image AS MATERIALIZED (
    SELECT listed.id, listed.number, seen.image_id IS NULL AS is_new
    FROM unnest(%(images)s::uuid[]) WITH ORDINALITY AS listed (id, number)
    LEFT JOIN LATERAL (
        SELECT k.image_id FROM inventory.findings AS k WHERE k.tenant_id = %(tenant_id)s AND k.image_id = listed.id LIMIT 1
    ) AS seen ON true
), found AS MATERIALIZED (
    SELECT %(tenant_id)s AS tenant_id, image.id AS image_id, policy_id, component_id, advisory_id, policy_revision, match,
        severity, verdict, rule, message, %(run_id)s::uuid AS run_id, %(now)s::timestamptz AS at, image.is_new
    FROM unnest(%(of_images)s::integer[], %(of_decided)s::integer[]) AS pair (image, decided)
    JOIN image ON image.number = pair.image
    JOIN ROWS FROM (jsonb_to_recordset(%(decided)s::jsonb) AS (
            policy_id uuid, component_id bigint, advisory_id text, policy_revision integer, match text, severity text,
            verdict text, rule text, message text))
        WITH ORDINALITY AS decided (
            policy_id, component_id, advisory_id, policy_revision, match, severity, verdict, rule, message, number)
        ON decided.number = pair.decided
    ORDER BY image.id, policy_id, component_id, advisory_id COLLATE "C"
), added AS (
    INSERT INTO inventory.findings (
        tenant_id, image_id, policy_id, component_id, advisory_id, policy_revision, match, severity, verdict, rule, message,
        first_run_id, last_run_id, first_seen_at, last_seen_at)
    SELECT tenant_id, image_id, policy_id, component_id, advisory_id, policy_revision, match, severity, verdict, rule, message,
        run_id, run_id, at, at
    FROM found
    WHERE is_new
)
INSERT INTO inventory.findings AS f (
    tenant_id, image_id, policy_id, component_id, advisory_id, policy_revision, match, severity, verdict, rule, message,
    first_run_id, last_run_id, first_seen_at, last_seen_at)
SELECT tenant_id, image_id, policy_id, component_id, advisory_id, policy_revision, match, severity, verdict, rule, message,
    run_id, run_id, at, at
FROM found
WHERE NOT is_new
ON CONFLICT (tenant_id, image_id, policy_id, component_id, advisory_id) DO UPDATE
SET policy_revision = excluded.policy_revision, match = excluded.match, severity = excluded.severity,
    verdict = excluded.verdict, rule = excluded.rule, message = excluded.message, last_run_id = excluded.last_run_id,
    last_seen_at = excluded.last_seen_at, fixed_at = NULL,
    first_run_id = CASE WHEN f.fixed_at IS NULL THEN f.first_run_id ELSE excluded.first_run_id END,
    first_seen_at = CASE WHEN f.fixed_at IS NULL THEN f.first_seen_at ELSE excluded.first_seen_at END
