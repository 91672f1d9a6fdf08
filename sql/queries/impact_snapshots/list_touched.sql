-- The images that are or may be affected by what some snapshots found.
SELECT DISTINCT i.image_id
FROM scheduler.impact_snapshot_images AS i
WHERE i.tenant_id = %(tenant_id)s AND i.snapshot_id = ANY(%(snapshots)s)
