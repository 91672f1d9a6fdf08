-- Locks the oldest runs past retention that may be pruned; waits for none that somebody holds.
SELECT r.id
FROM scheduler.runs AS r
WHERE r.tenant_id = %(tenant_id)s AND r.finished_at < %(before)s
  AND r.scheduled_for < %(before)s AND coalesce(r.skipped_last, r.scheduled_for) < %(before)s
  AND NOT EXISTS (SELECT FROM scheduler.runs AS retry WHERE retry.tenant_id = r.tenant_id AND retry.retry_of = r.id)
ORDER BY r.finished_at
LIMIT %(batch)s
FOR UPDATE OF r SKIP LOCKED
