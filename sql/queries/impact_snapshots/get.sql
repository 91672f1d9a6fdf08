-- One impact snapshot.
SELECT tenant_id, id, run_id, schedule_id, selector, feed_revision, total, unknown, digest, created_at
FROM scheduler.impact_snapshots
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
