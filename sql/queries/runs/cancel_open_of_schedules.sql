-- Ends what schedules have open, for overlap cancel_running. Guard: what runs is only asked to stop; what waits is cancelled.
UPDATE scheduler.runs AS r
SET state = CASE WHEN r.state = 'running' THEN r.state ELSE 'cancelled' END,
    reason = CASE WHEN r.state = 'running' THEN r.reason ELSE 'overlap' END,
    finished_at = CASE WHEN r.state = 'running' THEN NULL ELSE %(now)s END,
    cancel_requested_at = coalesce(r.cancel_requested_at, %(now)s)
FROM unnest(%(tenants)s::text[], %(schedules)s::uuid[]) AS fired (tenant_id, schedule_id)
WHERE r.tenant_id = fired.tenant_id AND r.schedule_id = fired.schedule_id AND r.state IN ('pending', 'queued', 'running')
