-- Writes every editable field of a schedule. Guard: the expected version, its kind, and not deleted; returns the row.
UPDATE scheduler.schedules
SET name = %(name)s, description = %(description)s, mode = %(mode)s, selection = %(selection)s, labels = %(labels)s,
    priority = %(priority)s, overlap = %(overlap)s, catch_up = %(catch_up)s, catch_up_window = %(catch_up_window)s,
    misfire_grace = %(misfire_grace)s, starts_at = %(starts_at)s, ends_at = %(ends_at)s, max_runs_per_hour = %(max_runs_per_hour)s,
    only_if = %(only_if)s, max_attempts = %(max_attempts)s, backoff_base = %(backoff_base)s,
    backoff_factor = %(backoff_factor)s, backoff_cap = %(backoff_cap)s, backoff_jitter = %(backoff_jitter)s,
    run_timeout = %(run_timeout)s, pause_after_failures = %(pause_after_failures)s, version = version + 1,
    updated_at = %(updated_at)s, updated_by = %(updated_by)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND version = %(expected)s AND kind = %(kind)s AND deleted_at IS NULL
RETURNING tenant_id, id, name, description, kind, mode, selection, labels, priority, overlap, catch_up, catch_up_window,
    misfire_grace, starts_at, ends_at, max_runs_per_hour, only_if,
    max_attempts, backoff_base, backoff_factor, backoff_cap, backoff_jitter, run_timeout, pause_after_failures,
    enabled, paused_reason, version, created_at, created_by, updated_at, updated_by,
    deleted_at, deleted_by
