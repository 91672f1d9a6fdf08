-- How the affected images of two snapshots differ: in the later only, in the earlier only, in both for other reasons; equal ones
-- are counted. No row unless both snapshots exist.
SELECT earlier.id AS earlier_id, later.id AS later_id, differing.*
FROM scheduler.impact_snapshots AS earlier
JOIN scheduler.impact_snapshots AS later ON later.tenant_id = earlier.tenant_id
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(image_id ORDER BY image_id) FILTER (WHERE o.reasons IS NULL), '{}') AS added,
        coalesce(array_agg(image_id ORDER BY image_id) FILTER (WHERE n.reasons IS NULL), '{}') AS removed,
        coalesce(array_agg(image_id ORDER BY image_id) FILTER (WHERE o.reasons <> n.reasons), '{}') AS changed,
        count(*) FILTER (WHERE o.reasons = n.reasons) AS unchanged
    FROM (
        SELECT image_id, reasons
        FROM scheduler.impact_snapshot_images
        WHERE tenant_id = earlier.tenant_id AND snapshot_id = earlier.id AND reasons <> '[]') AS o
    FULL JOIN (
        SELECT image_id, reasons
        FROM scheduler.impact_snapshot_images
        WHERE tenant_id = later.tenant_id AND snapshot_id = later.id AND reasons <> '[]') AS n USING (image_id)) AS differing
WHERE earlier.tenant_id = %(tenant_id)s AND earlier.id = %(earlier)s AND later.tenant_id = %(tenant_id)s
    AND later.id = %(later)s
