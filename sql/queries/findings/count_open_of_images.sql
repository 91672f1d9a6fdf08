-- How many open findings images have, by verdict, severity and match; LATERAL and no condition, as in list_lines_of_images.
SELECT listed.image_id, kept.verdict, kept.severity, kept.match, kept.count
FROM unnest(%(images)s::uuid[]) AS listed (image_id)
CROSS JOIN LATERAL (
    SELECT verdict, severity, match, count(*) FILTER (WHERE fixed_at IS NULL) AS count
    FROM inventory.findings
    WHERE tenant_id = %(tenant_id)s AND image_id = listed.image_id
    GROUP BY verdict, severity, match) AS kept
WHERE kept.count > 0
