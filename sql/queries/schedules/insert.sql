-- Adds a schedule. Guard: unique name among the tenant's living schedules.
INSERT INTO scheduler.schedules (
    tenant_id, id, name, description, kind, mode, selection, labels, priority, overlap, catch_up, catch_up_window,
    misfire_grace, starts_at, ends_at, max_runs_per_hour, only_if,
    max_attempts, backoff_base, backoff_factor, backoff_cap, backoff_jitter, run_timeout, pause_after_failures,
    enabled, paused_reason, created_at, created_by, updated_at, updated_by)
VALUES (
    %(tenant_id)s, %(id)s, %(name)s, %(description)s, %(kind)s, %(mode)s, %(selection)s, %(labels)s, %(priority)s,
    %(overlap)s, %(catch_up)s, %(catch_up_window)s, %(misfire_grace)s, %(starts_at)s, %(ends_at)s, %(max_runs_per_hour)s, %(only_if)s,
    %(max_attempts)s, %(backoff_base)s, %(backoff_factor)s, %(backoff_cap)s, %(backoff_jitter)s, %(run_timeout)s, %(pause_after_failures)s,
    %(enabled)s,
    %(paused_reason)s, %(created_at)s, %(created_by)s, %(updated_at)s, %(updated_by)s)
