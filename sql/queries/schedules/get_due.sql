-- The active schedules of a tenant that have a due trigger, the longest due first. OFFSET 0: looked up one by one, not by reading all.
SELECT s.tenant_id, s.id, s.name, s.description, s.kind, s.mode, s.selection, s.labels, s.priority, s.overlap, s.catch_up,
    s.catch_up_window, s.misfire_grace, s.starts_at, s.ends_at, s.max_runs_per_hour, s.only_if,
    s.max_attempts, s.backoff_base, s.backoff_factor, s.backoff_cap, s.backoff_jitter, s.run_timeout, s.pause_after_failures,
    s.enabled, s.paused_reason, s.version, s.created_at,
    s.created_by, s.updated_at, s.updated_by, s.deleted_at, s.deleted_by
FROM (
    SELECT g.schedule_id, min(g.next_due_at) AS since
    FROM scheduler.triggers AS g
    WHERE g.tenant_id = %(tenant_id)s AND g.enabled AND g.next_due_at <= %(now)s
    GROUP BY g.schedule_id) AS due
CROSS JOIN LATERAL (
    SELECT *
    FROM scheduler.schedules AS a
    WHERE a.tenant_id = %(tenant_id)s AND a.id = due.schedule_id AND a.enabled AND a.deleted_at IS NULL
    OFFSET 0) AS s
ORDER BY due.since, s.id
LIMIT %(limit)s
