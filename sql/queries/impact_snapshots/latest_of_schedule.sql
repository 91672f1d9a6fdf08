-- The newest snapshot of a schedule, that of one run aside.
SELECT tenant_id, id, run_id, schedule_id, selector, feed_revision, total, unknown, digest, created_at
FROM scheduler.impact_snapshots
WHERE tenant_id = %(tenant_id)s AND schedule_id = %(schedule_id)s AND run_id IS DISTINCT FROM %(but_of_run)s
ORDER BY id DESC
LIMIT 1
