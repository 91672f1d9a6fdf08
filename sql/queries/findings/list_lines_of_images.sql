-- The open findings of each of some images that has any, a line each as Decided.line says them, and the advisory of each.
-- LATERAL and FILTER: each image is looked up by its key; before the first statistics the index of open findings would win.
SELECT listed.image_id, kept.lines, kept.advisories
FROM unnest(%(images)s::uuid[]) AS listed (image_id)
CROSS JOIN LATERAL (
    SELECT
        array_agg(concat_ws(chr(31), policy_id, component_id, policy_revision, match, severity, verdict, advisory_id,
            coalesce(rule, chr(30)), coalesce(message, chr(30)))) FILTER (WHERE fixed_at IS NULL) AS lines,
        array_agg(advisory_id) FILTER (WHERE fixed_at IS NULL) AS advisories
    FROM inventory.findings
    WHERE tenant_id = %(tenant_id)s AND image_id = listed.image_id) AS kept
WHERE kept.lines IS NOT NULL
