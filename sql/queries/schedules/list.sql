-- Schedules of a tenant in the order of their names, after a name.
SELECT tenant_id, id, name, description, kind, mode, selection, labels, priority, overlap, catch_up, catch_up_window,
    misfire_grace, starts_at, ends_at, enabled, paused_reason, version, created_at, created_by, updated_at, updated_by,
    deleted_at, deleted_by
FROM scheduler.schedules
WHERE tenant_id = %(tenant_id)s AND deleted_at IS NULL
  AND (%(kind)s::text IS NULL OR kind = %(kind)s)
  AND (%(enabled)s::boolean IS NULL OR enabled = %(enabled)s)
  AND (%(after)s::text IS NULL OR name > %(after)s)
ORDER BY name
LIMIT %(limit)s
