-- Asks runs to stop that a newer fire waits for, for overlap cancel_running. Guard: running, not asked yet, and not writing results just now: a later tick asks again.
UPDATE scheduler.runs AS r
SET cancel_requested_at = %(now)s
FROM (
    SELECT o.tenant_id, o.id
    FROM unnest(%(tenants)s::text[]) AS locked (tenant_id)
    JOIN scheduler.runs AS o ON o.tenant_id = locked.tenant_id
    JOIN scheduler.schedules AS s ON s.tenant_id = o.tenant_id AND s.id = o.schedule_id
    WHERE o.state = 'running' AND o.cancel_requested_at IS NULL AND s.overlap = 'cancel_running'
      AND EXISTS (
            SELECT FROM scheduler.runs AS p
            WHERE p.tenant_id = o.tenant_id AND p.schedule_id = o.schedule_id AND p.state = 'pending'
              AND p.trigger_id IS NOT NULL)
    ORDER BY o.tenant_id, o.id
    FOR NO KEY UPDATE OF o SKIP LOCKED) AS superseded
WHERE r.tenant_id = superseded.tenant_id AND r.id = superseded.id AND r.state = 'running'
