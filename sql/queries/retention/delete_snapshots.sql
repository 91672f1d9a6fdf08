-- Deletes the snapshots of locked runs. Guard: none of their rows is left.
DELETE FROM scheduler.impact_snapshots AS s
WHERE s.tenant_id = %(tenant_id)s AND s.run_id = ANY(%(runs)s)
  AND NOT EXISTS (
    SELECT FROM scheduler.impact_snapshot_images AS i WHERE i.tenant_id = s.tenant_id AND i.snapshot_id = s.id)
