-- Writes what a run found. Guard: one row per image, policy, component and advisory; first sight stays while it is open.
INSERT INTO inventory.findings AS f (
    tenant_id, id, image_id, policy_id, component_id, advisory_id, policy_revision, match, severity, verdict, rule, message,
    first_run_id, last_run_id, first_seen_at, last_seen_at)
SELECT %(tenant_id)s, id, image_id, policy_id, component_id, advisory_id, policy_revision, match, severity, verdict, rule,
    message, %(run_id)s, %(run_id)s, %(now)s, %(now)s
FROM ROWS FROM (
        unnest(%(ids)s::uuid[]),
        jsonb_to_recordset(%(findings)s::jsonb) AS (
            image_id uuid, policy_id uuid, component_id bigint, advisory_id text, policy_revision integer, match text,
            severity text, verdict text, rule text, message text))
    AS new (id, image_id, policy_id, component_id, advisory_id, policy_revision, match, severity, verdict, rule, message)
ORDER BY image_id, policy_id, component_id, advisory_id COLLATE "C"
ON CONFLICT (tenant_id, image_id, policy_id, component_id, advisory_id) DO UPDATE
SET policy_revision = excluded.policy_revision, match = excluded.match, severity = excluded.severity,
    verdict = excluded.verdict, rule = excluded.rule, message = excluded.message, last_run_id = excluded.last_run_id,
    last_seen_at = excluded.last_seen_at, fixed_at = NULL,
    first_run_id = CASE WHEN f.fixed_at IS NULL THEN f.first_run_id ELSE excluded.first_run_id END,
    first_seen_at = CASE WHEN f.fixed_at IS NULL THEN f.first_seen_at ELSE excluded.first_seen_at END
