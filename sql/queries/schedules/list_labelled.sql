-- Schedules of a tenant that have labels, found by one of these, in the order of their names, after one of them.
SELECT s.tenant_id, s.id, s.name, s.description, s.kind, s.mode, s.selection, s.labels, s.priority, s.overlap, s.catch_up,
    s.catch_up_window, s.misfire_grace, s.starts_at, s.ends_at, s.max_runs_per_hour, s.only_if,
    s.max_attempts, s.backoff_base, s.backoff_factor, s.backoff_cap, s.backoff_jitter, s.run_timeout, s.pause_after_failures,
    s.enabled, s.paused_reason, s.version, s.created_at,
    s.created_by, s.updated_at, s.updated_by, s.deleted_at, s.deleted_by
FROM scheduler.schedule_labels AS l
JOIN scheduler.schedules AS s ON s.tenant_id = l.tenant_id AND s.id = l.schedule_id
WHERE l.tenant_id = %(tenant_id)s AND l.key = %(label_key)s AND l.value = %(label_value)s
  AND s.labels @> %(labels)s
  AND (%(include_deleted)s OR s.deleted_at IS NULL)
  AND (%(kind)s::text IS NULL OR s.kind = %(kind)s)
  AND (%(enabled)s::boolean IS NULL OR s.enabled = %(enabled)s)
  AND (%(name_prefix)s::text IS NULL OR (l.name >= greatest(%(name_prefix)s::text, %(after_name)s::text COLLATE "C") AND l.name < %(name_prefix)s || '~'))
  AND (%(after_id)s::uuid IS NULL OR (l.name, l.schedule_id) > (%(after_name)s, %(after_id)s))
ORDER BY l.name, l.schedule_id
LIMIT %(limit)s
