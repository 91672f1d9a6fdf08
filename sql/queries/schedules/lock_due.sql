-- Locks the active schedules of locked tenants that have a due trigger. Guard: a schedule under edit is left to a later tick.
SELECT s.tenant_id, s.id, s.name, s.description, s.kind, s.mode, s.selection, s.labels, s.priority, s.overlap, s.catch_up,
    s.catch_up_window, s.misfire_grace, s.starts_at, s.ends_at, s.max_runs_per_hour, s.only_if,
    s.max_attempts, s.backoff_base, s.backoff_factor, s.backoff_cap, s.backoff_jitter, s.run_timeout, s.pause_after_failures,
    s.enabled, s.paused_reason, s.version, s.created_at,
    s.created_by, s.updated_at, s.updated_by, s.deleted_at, s.deleted_by
FROM (
    SELECT DISTINCT locked.tenant_id, due.schedule_id
    FROM unnest(%(tenants)s::text[]) AS locked (tenant_id)
    CROSS JOIN LATERAL (
        SELECT g.schedule_id
        FROM scheduler.triggers AS g
        JOIN scheduler.schedules AS a ON a.tenant_id = g.tenant_id AND a.id = g.schedule_id
        WHERE g.tenant_id = locked.tenant_id AND g.enabled AND g.next_due_at <= %(now)s
          AND a.enabled AND a.deleted_at IS NULL
        ORDER BY g.next_due_at
        LIMIT %(per_tenant)s) AS due) AS hit
CROSS JOIN LATERAL (
    SELECT *
    FROM scheduler.schedules AS a
    WHERE a.tenant_id = hit.tenant_id AND a.id = hit.schedule_id AND a.enabled AND a.deleted_at IS NULL
    FOR NO KEY UPDATE SKIP LOCKED) AS s
ORDER BY s.tenant_id, s.id
