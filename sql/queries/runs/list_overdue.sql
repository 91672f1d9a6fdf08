-- Attempts that take longer than their schedule's run_timeout and a grace, in which they should have ended themselves.
SELECT r.*
FROM scheduler.ledger AS r
JOIN scheduler.schedules AS s ON s.tenant_id = r.tenant_id AND s.id = r.schedule_id
WHERE r.state = 'running' AND r.begun AND s.run_timeout IS NOT NULL
  AND r.started_at < %(now)s - s.run_timeout - %(grace)s::interval
ORDER BY r.tenant_id, r.id
LIMIT %(limit)s
