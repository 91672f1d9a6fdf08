-- Deletes rows of the snapshots of locked runs, at most a batch. Guard: their runs were locked in this transaction as past retention.
DELETE FROM scheduler.impact_snapshot_images
WHERE tenant_id = %(tenant_id)s AND (snapshot_id, image_id) IN (
    SELECT i.snapshot_id, i.image_id
    FROM scheduler.impact_snapshots AS s
    JOIN scheduler.impact_snapshot_images AS i ON i.tenant_id = s.tenant_id AND i.snapshot_id = s.id
    WHERE s.tenant_id = %(tenant_id)s AND s.run_id = ANY(%(runs)s)
    LIMIT %(batch)s)
