-- The images that are or may be affected by what runs of some schedules found since an instant.
SELECT DISTINCT i.image_id
FROM scheduler.impact_snapshots AS s
JOIN scheduler.impact_snapshot_images AS i ON i.tenant_id = s.tenant_id AND i.snapshot_id = s.id
WHERE s.tenant_id = %(tenant_id)s AND s.schedule_id = ANY(%(schedules)s) AND s.created_at >= %(since)s
