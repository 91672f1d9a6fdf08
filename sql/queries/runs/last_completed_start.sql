-- When the attempt began that completed a schedule last.
SELECT started_at
FROM scheduler.runs
WHERE tenant_id = %(tenant_id)s AND schedule_id = %(schedule_id)s AND state = 'completed'
ORDER BY finished_at DESC
LIMIT 1
