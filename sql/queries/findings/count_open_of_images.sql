-- How many open findings images have, by verdict, severity and match.
SELECT image_id, verdict, severity, match, count(*) AS count
FROM inventory.findings
WHERE tenant_id = %(tenant_id)s AND image_id = ANY(%(images)s) AND fixed_at IS NULL
GROUP BY image_id, verdict, severity, match
