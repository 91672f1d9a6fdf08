-- Writes what a run found: pairs of an image and what was decided. Guard: one row per image, policy, component and advisory;
-- first sight stays while it is open.
INSERT INTO inventory.findings AS f (
    tenant_id, image_id, policy_id, component_id, advisory_id, policy_revision, match, severity, verdict, rule, message,
    first_run_id, last_run_id, first_seen_at, last_seen_at)
SELECT %(tenant_id)s, image.id, policy_id, component_id, advisory_id, policy_revision, match, severity, verdict, rule,
    message, %(run_id)s, %(run_id)s, %(now)s, %(now)s
FROM unnest(%(of_images)s::integer[], %(of_decided)s::integer[]) AS found (image, decided)
JOIN unnest(%(images)s::uuid[]) WITH ORDINALITY AS image (id, number) ON image.number = found.image
JOIN ROWS FROM (jsonb_to_recordset(%(decided)s::jsonb) AS (
        policy_id uuid, component_id bigint, advisory_id text, policy_revision integer, match text, severity text,
        verdict text, rule text, message text))
    WITH ORDINALITY AS decided (
        policy_id, component_id, advisory_id, policy_revision, match, severity, verdict, rule, message, number)
    ON decided.number = found.decided
ORDER BY image.id, policy_id, component_id, advisory_id COLLATE "C"
ON CONFLICT (tenant_id, image_id, policy_id, component_id, advisory_id) DO UPDATE
SET policy_revision = excluded.policy_revision, match = excluded.match, severity = excluded.severity,
    verdict = excluded.verdict, rule = excluded.rule, message = excluded.message, last_run_id = excluded.last_run_id,
    last_seen_at = excluded.last_seen_at, fixed_at = NULL,
    first_run_id = CASE WHEN f.fixed_at IS NULL THEN f.first_run_id ELSE excluded.first_run_id END,
    first_seen_at = CASE WHEN f.fixed_at IS NULL THEN f.first_seen_at ELSE excluded.first_seen_at END
