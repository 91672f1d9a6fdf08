-- The newest snapshot of a schedule whose run has completed.
SELECT s.tenant_id, s.id, s.run_id, s.schedule_id, s.selector, s.feed_revision, s.total, s.unknown, s.digest, s.created_at
FROM scheduler.impact_snapshots AS s
JOIN scheduler.runs AS r ON r.tenant_id = s.tenant_id AND r.id = s.run_id AND r.state = 'completed'
WHERE s.tenant_id = %(tenant_id)s AND s.schedule_id = %(schedule_id)s
ORDER BY s.id DESC
LIMIT 1
