-- Tenants with a run past retention that may be pruned: planned and ended before an instant, and no retry of it is kept.
SELECT t.tenant_id
FROM scheduler.tenants AS t
WHERE EXISTS (
    SELECT FROM scheduler.runs AS r
    WHERE r.tenant_id = t.tenant_id AND r.finished_at < %(before)s
      AND r.scheduled_for < %(before)s AND coalesce(r.skipped_last, r.scheduled_for) < %(before)s
      AND NOT EXISTS (SELECT FROM scheduler.runs AS retry WHERE retry.tenant_id = r.tenant_id AND retry.retry_of = r.id))
ORDER BY t.tenant_id
