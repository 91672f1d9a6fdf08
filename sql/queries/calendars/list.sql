-- Living calendars of a tenant in the order of their names, after one of them.
SELECT tenant_id, name, description, mode, timezone, on_excluded, entries, version, created_at, created_by, updated_at,
    updated_by
FROM scheduler.calendars
WHERE tenant_id = %(tenant_id)s AND deleted_at IS NULL AND (%(after_name)s::text IS NULL OR name > %(after_name)s)
ORDER BY name
LIMIT %(limit)s
