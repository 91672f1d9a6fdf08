-- Cancels what schedules have waiting, for overlap cancel_running. Guard: pending or queued, and locked by nobody else.
UPDATE scheduler.runs AS r
SET state = 'cancelled', reason = 'overlap', finished_at = %(now)s, cancel_requested_at = %(now)s
FROM (
    SELECT w.tenant_id, w.id
    FROM unnest(%(tenants)s::text[], %(schedules)s::uuid[]) AS fired (tenant_id, schedule_id)
    JOIN scheduler.runs AS w ON w.tenant_id = fired.tenant_id AND w.schedule_id = fired.schedule_id
    WHERE w.state IN ('pending', 'queued')
    ORDER BY w.tenant_id, w.id
    FOR NO KEY UPDATE OF w SKIP LOCKED) AS waiting
WHERE r.tenant_id = waiting.tenant_id AND r.id = waiting.id AND r.state IN ('pending', 'queued')
