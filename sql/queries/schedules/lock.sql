-- Locks one schedule for an edit. Guard: the claim skips it until the edit is done.
SELECT tenant_id, id, name, description, kind, mode, selection, labels, priority, overlap, catch_up, catch_up_window,
    misfire_grace, starts_at, ends_at, max_runs_per_hour, only_if,
    max_attempts, backoff_base, backoff_factor, backoff_cap, backoff_jitter, run_timeout, pause_after_failures,
    enabled, paused_reason, version, created_at, created_by, updated_at, updated_by,
    deleted_at, deleted_by
FROM scheduler.schedules
WHERE tenant_id = %(tenant_id)s AND name = %(name)s AND deleted_at IS NULL
FOR NO KEY UPDATE
