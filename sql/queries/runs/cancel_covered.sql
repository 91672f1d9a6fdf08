-- Cancels fires of events that a completed run of the same schedule, mode and selection began after: nothing has happened since. Guard: pending, never begun, and locked by nobody else.
UPDATE scheduler.runs AS r
SET state = 'cancelled', reason = 'covered by ' || covered.covering, finished_at = %(now)s, cancel_requested_at = %(now)s
FROM (
    SELECT w.tenant_id, w.id, c.id AS covering
    FROM scheduler.runs AS w
    JOIN scheduler.schedules AS s ON s.tenant_id = w.tenant_id AND s.id = w.schedule_id
    CROSS JOIN LATERAL (
        SELECT c.id
        FROM scheduler.runs AS c
        WHERE c.tenant_id = w.tenant_id AND c.schedule_id = w.schedule_id AND c.state = 'completed'
          AND c.finished_at >= w.scheduled_for AND c.events_seen >= s.events
          AND (c.kind, c.selection) = (w.kind, w.selection) AND c.mode IS NOT DISTINCT FROM w.mode
        ORDER BY c.finished_at
        LIMIT 1) AS c
    WHERE w.tenant_id = ANY(%(tenants)s::text[]) AND w.state = 'pending' AND w.trigger_kind = 'event' AND w.events_seen IS NULL
    ORDER BY w.tenant_id, w.id
    FOR NO KEY UPDATE OF w SKIP LOCKED) AS covered
WHERE r.tenant_id = covered.tenant_id AND r.id = covered.id AND r.state = 'pending'
