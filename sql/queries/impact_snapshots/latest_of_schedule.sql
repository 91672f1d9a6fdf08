-- The newest snapshot of a schedule before a run.
SELECT tenant_id, id, run_id, schedule_id, selector, feed_revision, total, unknown, digest, created_at
FROM scheduler.impact_snapshots
WHERE tenant_id = %(tenant_id)s AND schedule_id = %(schedule_id)s AND run_id <> %(before_run)s
ORDER BY id DESC
LIMIT 1
