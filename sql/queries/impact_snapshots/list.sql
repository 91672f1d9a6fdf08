-- Impact snapshots after an id, newest first.
SELECT tenant_id, id, run_id, schedule_id, selector, feed_revision, total, unknown, digest, created_at
FROM scheduler.impact_snapshots
WHERE tenant_id = %(tenant_id)s
    AND (%(schedule_id)s::uuid IS NULL OR schedule_id = %(schedule_id)s)
    AND (%(after_id)s::uuid IS NULL OR id < %(after_id)s)
ORDER BY id DESC
LIMIT %(limit)s
