-- Holds calendars that a trigger takes. Guard: none is edited or deleted until that is done; locked in one order.
SELECT tenant_id, name, description, mode, timezone, on_excluded, entries, version, created_at, created_by, updated_at,
    updated_by
FROM scheduler.calendars
WHERE tenant_id = %(tenant_id)s AND name = ANY (%(names)s) AND deleted_at IS NULL
ORDER BY name
FOR SHARE
