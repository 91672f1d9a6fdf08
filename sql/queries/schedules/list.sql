-- Schedules of a tenant in the order of their names, after one of them. A prefix is a range: all that names may hold sorts before ~.
SELECT tenant_id, id, name, description, kind, mode, selection, labels, priority, overlap, catch_up, catch_up_window,
    misfire_grace, starts_at, ends_at, max_runs_per_hour, only_if,
    max_attempts, backoff_base, backoff_factor, backoff_cap, backoff_jitter, run_timeout, pause_after_failures,
    enabled, paused_reason, version, created_at, created_by, updated_at, updated_by,
    deleted_at, deleted_by
FROM scheduler.schedules
WHERE tenant_id = %(tenant_id)s
  AND (%(include_deleted)s OR deleted_at IS NULL)
  AND (%(kind)s::text IS NULL OR kind = %(kind)s)
  AND (%(enabled)s::boolean IS NULL OR enabled = %(enabled)s)
  AND (%(name_prefix)s::text IS NULL
       OR (name COLLATE "C" >= greatest(%(name_prefix)s::text, %(after_name)s::text COLLATE "C") AND name COLLATE "C" < %(name_prefix)s || '~'))
  AND (%(after_id)s::uuid IS NULL OR (name COLLATE "C", id) > (%(after_name)s, %(after_id)s))
ORDER BY name COLLATE "C", id
LIMIT %(limit)s
