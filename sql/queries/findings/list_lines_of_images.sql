-- The open findings of each of some images that has any, a line each as Decided.line says them, and the advisory of each.
SELECT image_id,
    array_agg(concat_ws(chr(31), policy_id, component_id, policy_revision, match, severity, verdict, advisory_id,
        coalesce(rule, chr(30)), coalesce(message, chr(30)))) AS lines,
    array_agg(advisory_id) AS advisories
FROM inventory.findings
WHERE tenant_id = %(tenant_id)s AND image_id = ANY(%(images)s) AND fixed_at IS NULL
GROUP BY image_id
